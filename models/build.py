"""From settings to a network, and from a trained network to the part that prediction needs."""

from collections.abc import Mapping
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from models.baselines import ResUNet
from models.blocks import check_at_least, layers_of
from models.multi_task import MultiTaskResUNet
from models.settings import ModelSettings

Network = MultiTaskResUNet | ResUNet
NetworkT = TypeVar("NetworkT", bound=Network)
MAIN_PARTS = ("encoder.", "main_decoder.")


def build_network(settings: ModelSettings, in_channels: int, scales: int, ndim: int) -> Network:
    """Build the network to train, with fresh weights from torch's global generator.

    Args:
        settings: formulation and size.
        in_channels: channels of the image.
        scales: number of scales S of the labels; at least 1 for "multi_class", unused for "binary".
        ndim: 2 or 3.
    """
    if settings.formulation != "multi_task":
        return build_inference_network(settings, in_channels, scales, ndim)
    return MultiTaskResUNet(
        in_channels, scales, settings.levels, settings.base_channels, ndim, settings.embedding_channels
    )


def build_inference_network(
    settings: ModelSettings, in_channels: int, scales: int, ndim: int, state: Mapping[str, Tensor] | None = None
) -> ResUNet:
    """Build encoder and main decoder only, in training mode as every new network, with the weights of `state` if given.

    Args:
        settings, in_channels, scales, ndim: as for `build_network`.
        state: the state dict of the network that `build_network` builds from the same arguments; the auxiliary parts
            are left out.

    Raises ValueError where `state` belongs to another architecture.
    """
    check_at_least("scales", scales, 1 if settings.formulation == "multi_class" else 0)
    out_channels = 1 + scales if settings.formulation == "multi_class" else 1
    network = ResUNet(in_channels, out_channels, settings.levels, settings.base_channels, ndim)
    if state is not None:
        load_weights(network, {name: value for name, value in state.items() if name.startswith(MAIN_PARTS)})
    return network


def main_network(network: nn.Module) -> ResUNet:
    """The encoder and main decoder of `network`, sharing its weights: what inference needs, during training too.

    Its logits equal the main task's bit for bit. It draws nothing from any random generator. A baseline is returned as
    it is.
    """
    if isinstance(network, ResUNet):
        return network
    if not isinstance(network, MultiTaskResUNet):
        raise ValueError(f"network: expected MultiTaskResUNet or ResUNet, got {type(network).__name__}")
    with torch.device("meta"):  # allocates nothing: the parts are replaced at once
        main = ResUNet(network.encoder.in_channels, ndim=network.encoder.ndim, levels=1, base_channels=1)
    main.encoder = network.encoder
    main.main_decoder = network.main_decoder
    return main.train(network.training)


def place_network(network: NetworkT, device: torch.device | str) -> NetworkT:
    """Move the network to a device, with its weights in the memory order that is fast there; values stay the same.

    On the CPU that is channels last, which every layer then keeps: a training step takes about 0.6 of the time.
    """
    if torch.device(device).type == "cpu":
        order = layers_of(network.encoder.ndim).memory_format
        for weight in network.parameters():
            if weight.ndim == network.encoder.ndim + 2:
                weight.data = weight.data.contiguous(memory_format=order)
    network.to(device)
    return network


def load_weights(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load a state dict that must fit exactly; ValueError, before any weight changes, where it does not."""
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
    network.load_state_dict(dict(state))
