"""How each network of the table is built, from choices that are made."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ramify.models.network import Network
from ramify.tasks.formulation import Tasks


class Plan(NamedTuple):
    """A network that is to be built, with every choice made; a kind reads those that it has."""

    name: str
    """As in the settings: "unet", "monai:SegResNet"."""
    in_channels: int
    """Channels of the image."""
    tasks: Tasks
    """What it is asked, and so how many channels its logits have."""
    ndim: int
    """2 or 3."""
    levels: int
    base_channels: int
    pooling: tuple[int, ...] | None
    """How often each axis is halved; None: all of them at every level."""
    embedding_channels: int | None
    scale_heads: bool
    """Whether each scale's task has a projection head."""
    shared_features: str | None
    """Where a projection head for all scales sits; None: nowhere."""
    deep_supervision: int
    checkpoint_activations: bool
    auxiliary_halvings: int
    """How many levels below full resolution the decoders of auxiliary tasks end."""
    auxiliary_width: float
    """Their channels, as a share of the main decoder's."""
    arguments: Mapping[str, Any]


def _same(plan: Plan) -> Plan:
    return plan


class NetworkKind(NamedTuple):
    """A network by its name in the settings, or a family of them."""

    build: Callable[[Plan], Network]
    """With fresh weights, from torch's global generator."""
    for_inference: Callable[[Plan], Plan] = _same
    """What is built instead where nothing is learnt; deep supervision and recomputation are off by then."""
    without_memory: bool = False
    """Whether it can be built on torch's meta device, so that weights of another size are found before any is taken."""
