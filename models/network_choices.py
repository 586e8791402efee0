"""What can be chosen about each network, by its name in the settings; `networks.py` says how it is built."""

from collections.abc import Mapping
from typing import NamedTuple


class NetworkChoices(NamedTuple):
    """What can be chosen about a network, or a family of them, and what it has of its own accord."""

    settings: frozenset[str]
    """Which of the model's settings it has: levels, base_channels, pooling, embedding_channels, deep_supervision,
    checkpoint_activations, auxiliary_halvings, auxiliary_width, arguments."""
    levels: Mapping[int, int] | None = None
    """Number of down-samplings by number of dimensions, where none is chosen: its source's."""
    base_channels: int | None = None
    """Channels at full resolution, where none are chosen: its source's."""
    shared_features: bool = False
    """Whether it has features by name that a head for all scales can sit on."""


_OF_A_U = frozenset(
    {"levels", "base_channels", "pooling", "embedding_channels", "deep_supervision", "checkpoint_activations"}
)
_NNUNET = NetworkChoices(
    frozenset({"levels", "base_channels", "pooling", "deep_supervision", "arguments"}),
    levels={2: 5, 3: 5},
    base_channels=32,
)

NETWORK_CHOICES: dict[str, NetworkChoices] = {
    "resunet": NetworkChoices(
        _OF_A_U | {"auxiliary_halvings", "auxiliary_width"}, levels={2: 5, 3: 5}, base_channels=8, shared_features=True
    ),
    "unet": NetworkChoices(_OF_A_U, levels={2: 4, 3: 3}, base_channels=64, shared_features=True),
    "fcn": NetworkChoices(frozenset({"base_channels"}), base_channels=5),
    "nnunet_plain": _NNUNET,
    "nnunet_residual": _NNUNET,
    "hrnet": NetworkChoices(frozenset({"arguments"})),
    "monai": NetworkChoices(frozenset({"arguments"})),
}
"""Of a name with a colon, as monai:SegResNet, what stands before it."""
MONAI_PREFIX = "monai:"
