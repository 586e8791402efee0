"""From settings to a network, and from a trained network to the part that prediction needs."""

from collections.abc import Mapping
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from ramify.models.blocks import layers_of
from ramify.models.network import Network
from ramify.models.network_kind import Plan
from ramify.models.networks import NETWORKS
from ramify.models.settings import ModelSettings
from ramify.tasks.class_table import SINGLE, ClassTable
from ramify.tasks.formulation import Tasks

NetworkT = TypeVar("NetworkT", bound=Network)


def build_network(
    settings: ModelSettings, in_channels: int, n_scales: int, ndim: int, table: ClassTable = SINGLE
) -> Network:
    """Build the network to train, with fresh weights from torch's global generator.

    Args:
        settings: network, tasks and size.
        in_channels: channels of the image.
        n_scales: number of scales S of the labels.
        ndim: 2 or 3.
        table: the classes of the labels.

    Raises ValueError where the network does not exist in `ndim` dimensions, its package is missing, its arguments do
    not fit, or the labels do not have what it is asked.

    Examples:
        >>> import torch
        >>> from ramify.models import ModelSettings, build_network
        >>> settings = ModelSettings(network="resunet", levels=2, base_channels=4)
        >>> network = build_network(settings, in_channels=1, n_scales=3, ndim=2)
        >>> network(torch.zeros(2, 1, 16, 16)).logits.shape  # vessel and three scales
        torch.Size([2, 4, 16, 16])
    """
    return NETWORKS[settings.family].build(_plan_of(settings, in_channels, n_scales, ndim, table))


def build_inference_network(
    settings: ModelSettings,
    in_channels: int,
    n_scales: int,
    ndim: int,
    table: ClassTable = SINGLE,
    *,
    state: Mapping[str, Tensor] | None = None,
) -> Network:
    """Build what inference needs, in training mode as every new network, with the weights of `state` if given.

    The multi-task ResUNet keeps its encoder and main decoder; every network leaves out the heads of deep
    supervision and of a contrast.

    Args:
        settings, in_channels, n_scales, ndim, table: as for `build_network`.
        state: the state dict of the network that `build_network` builds from the same arguments; the auxiliary parts
            are left out.

    Raises ValueError as `build_network`, and where `state` belongs to another architecture.

    Examples:
        >>> import torch
        >>> from ramify.models import ModelSettings, build_inference_network, build_network
        >>> settings = ModelSettings(levels=2, base_channels=4)
        >>> trained = build_network(settings, in_channels=1, n_scales=3, ndim=2)
        >>> network = build_inference_network(settings, 1, 3, 2, state=trained.state_dict()).eval()
        >>> network(torch.zeros(1, 1, 16, 16)).logits.shape  # the main task alone
        torch.Size([1, 1, 16, 16])
    """
    kind, plan = NETWORKS[settings.family], _plan_of(settings, in_channels, n_scales, ndim, table)
    if state is not None and kind.without_memory:
        # A size that does not fit is found before memory for its weights is taken.
        with torch.device("meta"):
            check_weights(kind.build(plan), state)

    # Nothing is learnt here: no weights to start from, no memory to spare.
    bare = plan._replace(shared_features=None, deep_supervision=0, checkpoint_activations=False)
    network = kind.build(kind.for_inference(bare))
    if state is not None:
        load_weights(network, network.main_state(state))
    return network


def place_network(network: NetworkT, device: torch.device | str) -> NetworkT:
    """Move the network to a device, with its weights in the memory order that is fast there; values stay the same.

    On the CPU that is channels last, which every layer then keeps: a training step takes about 0.6 of the time.

    Examples:
        >>> from ramify.models import ResUNet, place_network
        >>> network = place_network(ResUNet(levels=1, base_channels=2, ndim=2), "cpu")
        >>> next(network.parameters()).device
        device(type='cpu')
    """
    if torch.device(device).type == "cpu":
        order = layers_of(network.ndim).memory_format
        for weight in network.parameters():
            if weight.ndim == network.ndim + 2:
                weight.data = weight.data.contiguous(memory_format=order)
    network.to(device)
    return network


def load_weights(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load a state dict that must fit exactly; ValueError, before any weight changes, where it does not.

    Examples:
        >>> from ramify.models import ResUNet, load_weights
        >>> first, second = (ResUNet(levels=1, base_channels=2, ndim=2) for _ in range(2))
        >>> load_weights(second, first.state_dict())
        >>> all((a == b).all() for a, b in zip(first.parameters(), second.parameters()))
        True
    """
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


def _plan_of(settings: ModelSettings, in_channels: int, n_scales: int, ndim: int, table: ClassTable) -> Plan:
    levels, base_channels = settings.sizes(ndim)
    return Plan(
        name=settings.network,
        in_channels=in_channels,
        tasks=Tasks.of(settings.tasks, n_scales, table),
        ndim=ndim,
        levels=levels,
        base_channels=base_channels,
        pooling=settings.pooling,
        embedding_channels=settings.embedding_channels,
        scale_heads=settings.contrast.head == "per_scale",
        shared_features=settings.contrast.features if settings.contrast.head == "shared" else None,
        deep_supervision=settings.deep_supervision,
        checkpoint_activations=settings.checkpoint_activations,
        auxiliary_halvings=settings.auxiliary_halvings,
        auxiliary_width=settings.auxiliary_width,
        arguments=settings.arguments,
    )
