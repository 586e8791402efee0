"""From settings to a network, and from a trained network to the part that prediction needs."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from ramify.models.baselines import ResUNet
from ramify.models.blocks import check_at_least, layers_of
from ramify.models.fcn import FCN
from ramify.models.hrnet import HRNet
from ramify.models.monai_network import MonaiNetwork
from ramify.models.multi_task import MultiTaskResUNet
from ramify.models.network import Network
from ramify.models.nnunet import NnUNet
from ramify.models.settings import ModelSettings
from ramify.models.unet import UNet

_OURS = ("resunet", "unet", "fcn")
NetworkT = TypeVar("NetworkT", bound=Network)
Builder = Callable[[ModelSettings, int, int, int], Network]


def build_network(settings: ModelSettings, in_channels: int, scales: int, ndim: int) -> Network:
    """Build the network to train, with fresh weights from torch's global generator.

    Args:
        settings: network, formulation and size.
        in_channels: channels of the image.
        scales: number of scales S of the labels; at least 1 for "multi_class", unused for "binary".
        ndim: 2 or 3.

    Raises ValueError where the network does not exist in `ndim` dimensions, its package is missing, or its arguments do
    not fit.
    """
    _check_scales(settings, scales)
    if settings.network == "resunet" and settings.formulation == "multi_task":
        levels, base_channels = settings.sizes(ndim)
        return MultiTaskResUNet(
            in_channels,
            scales,
            levels,
            base_channels,
            ndim,
            settings.embedding_channels,
            deep_supervision=settings.deep_supervision,
            checkpoint_activations=settings.checkpoint_activations,
        )
    out_channels = 1 if settings.formulation == "binary" else 1 + scales
    return BUILDERS[settings.family](settings, in_channels, out_channels, ndim)


def build_inference_network(
    settings: ModelSettings, in_channels: int, scales: int, ndim: int, state: Mapping[str, Tensor] | None = None
) -> Network:
    """Build what inference needs, in training mode as every new network, with the weights of `state` if given.

    The multi-task ResUNet keeps its encoder and main decoder; every network leaves out the heads of deep supervision.

    Args:
        settings, in_channels, scales, ndim: as for `build_network`.
        state: the state dict of the network that `build_network` builds from the same arguments; the auxiliary parts
            are left out.

    Raises ValueError as `build_network`, and where `state` belongs to another architecture.
    """
    _check_scales(settings, scales)
    # Nothing is learnt here: no weights to start from, no memory to spare.
    changed: dict[str, object] = {"deep_supervision": 0, "checkpoint_activations": False}
    if settings.network == "hrnet":
        changed["arguments"] = {**settings.arguments, "pretrained": False}
    if settings.network == "resunet" and settings.formulation == "multi_task":
        changed["formulation"] = "binary"
    if state is not None and settings.family in _OURS:
        # Without memory for its weights: a size that does not fit is found before any is taken.
        with torch.device("meta"):
            check_weights(build_network(settings, in_channels, scales, ndim), state)
    network = build_network(settings.model_copy(update=changed), in_channels, scales, ndim)
    if state is not None:
        load_weights(network, network.main_state(state))
    return network


def place_network(network: NetworkT, device: torch.device | str) -> NetworkT:
    """Move the network to a device, with its weights in the memory order that is fast there; values stay the same.

    On the CPU that is channels last, which every layer then keeps: a training step takes about 0.6 of the time.
    """
    if torch.device(device).type == "cpu":
        order = layers_of(network.ndim).memory_format
        for weight in network.parameters():
            if weight.ndim == network.ndim + 2:
                weight.data = weight.data.contiguous(memory_format=order)
    network.to(device)
    return network


def load_weights(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load a state dict that must fit exactly; ValueError, before any weight changes, where it does not."""
    check_weights(network, state)
    network.load_state_dict(dict(state))


def check_weights(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Raise ValueError where a state dict lacks a weight, has one too many, or one of another shape or kind."""
    expected = cast(Mapping[str, Tensor], network.state_dict())
    missing, surplus = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    if missing or surplus:
        first = f"no weights for {missing[0]}" if missing else f"no place for {surplus[0]}"
        raise ValueError(
            f"weights: of another architecture ({len(missing)} missing, {len(surplus)} too many; {first}); "
            "build the network from the settings saved with them"
        )
    for name, value in expected.items():
        if value.shape != state[name].shape:
            raise ValueError(
                f"weights: {name} expected shape {tuple(value.shape)}, got {tuple(state[name].shape)}; "
                "build the network from the settings saved with them"
            )
        if value.is_floating_point() != state[name].is_floating_point() or state[name].is_complex():
            raise ValueError(
                f"weights: {name} expected {value.dtype}, got {state[name].dtype}; use the weights as they were saved"
            )


def _check_scales(settings: ModelSettings, scales: int) -> None:
    check_at_least("scales", scales, 1 if settings.formulation == "multi_class" else 0)


def _resunet(settings: ModelSettings, in_channels: int, out_channels: int, ndim: int) -> Network:
    levels, base_channels = settings.sizes(ndim)
    return ResUNet(in_channels, out_channels, levels, base_channels, ndim, **_own_options(settings))


def _unet(settings: ModelSettings, in_channels: int, out_channels: int, ndim: int) -> Network:
    levels, base_channels = settings.sizes(ndim)
    return UNet(in_channels, out_channels, levels, base_channels, ndim, **_own_options(settings))


def _fcn(settings: ModelSettings, in_channels: int, out_channels: int, ndim: int) -> Network:
    return FCN(in_channels, out_channels, settings.sizes(ndim)[1], ndim)


def _nnunet(settings: ModelSettings, in_channels: int, out_channels: int, ndim: int) -> Network:
    levels, base_channels = settings.sizes(ndim)
    return NnUNet(
        settings.network,
        in_channels,
        out_channels,
        levels,
        base_channels,
        ndim,
        deep_supervision=settings.deep_supervision,
        arguments=settings.arguments,
    )


def _hrnet(settings: ModelSettings, in_channels: int, out_channels: int, ndim: int) -> Network:
    return HRNet(in_channels, out_channels, ndim, settings.arguments)


def _monai(settings: ModelSettings, in_channels: int, out_channels: int, ndim: int) -> Network:
    name = settings.network.partition(":")[2]
    return MonaiNetwork(name, in_channels, out_channels, ndim, settings.arguments)


def _own_options(settings: ModelSettings) -> dict[str, Any]:
    return settings.model_dump(include={"deep_supervision", "checkpoint_activations"})


BUILDERS: dict[str, Builder] = {
    "resunet": _resunet,
    "unet": _unet,
    "fcn": _fcn,
    "nnunet_plain": _nnunet,
    "nnunet_residual": _nnunet,
    "hrnet": _hrnet,
    "monai": _monai,
}
