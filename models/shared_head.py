"""One projection head for all scales, on features that every task shares: what a contrast cannot solve by constants."""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from torch import Tensor, nn

from ramify.models.blocks import initialise
from ramify.models.projection import ProjectionHead

LEAST_EMBEDDING = 16
"""Channels of the embedding where none are chosen and half of the features' would be fewer."""


class FeaturePlace(NamedTuple):
    """Where in a network features are taken."""

    part: Literal["encoder", "main_decoder"]
    level: int
    """How often the resolution was halved."""


def feature_place(name: str, levels: int) -> FeaturePlace:
    """The place that a name stands for in a network of so many down-samplings.

    Args:
        name: "encoder.0" (full resolution) … "encoder.LEVELS", "bottleneck" for the last of these, or "main_decoder.0"
            (the last features before the logits) … "main_decoder.LEVELS - 1" (the first stage up).
        levels: number of down-samplings of the network.

    Raises ValueError for another name, or a level that the network does not have.

    Examples:
        >>> from ramify.models.shared_head import feature_place
        >>> feature_place("bottleneck", levels=4)
        FeaturePlace(part='encoder', level=4)
    """
    if name == "bottleneck":
        return FeaturePlace("encoder", levels)
    match = re.fullmatch(r"(encoder|main_decoder)\.(\d{1,2})", name)
    most = {"encoder": levels, "main_decoder": levels - 1}
    if match and int(match[2]) <= most[match[1]]:
        return FeaturePlace("encoder" if match[1] == "encoder" else "main_decoder", int(match[2]))
    raise ValueError(
        f"contrast.features: a network of {levels} levels has bottleneck, encoder.0 … encoder.{levels} and "
        f"main_decoder.0 … main_decoder.{levels - 1}, got {name!r}"
    )


class SharedHead(nn.Module):
    """A projection head on one level of a network's encoder or main decoder: (B, C, *s) -> (B, E, *s).

    Its weights are drawn after those of the network, which starts as it does without it.

    Args:
        features: where they are taken, see `feature_place`.
        widths: channels of each level, full resolution first; the decoder's stages have the same.
        embedding_channels: channels E; None takes half of the features', and at least 16.
        ndim: 2 or 3.
    """

    def __init__(self, features: str, widths: Sequence[int], embedding_channels: int | None, ndim: int) -> None:
        super().__init__()
        self.place = feature_place(features, len(widths) - 1)
        width = widths[self.place.level]
        embedding = max(LEAST_EMBEDDING, width // 2) if embedding_channels is None else embedding_channels
        self.projection = ProjectionHead(width, embedding, ndim)
        initialise(self)

    def forward(self, encoder: Sequence[Tensor], main_stages: Sequence[Tensor]) -> Tensor:
        """The projection, of the encoder's levels (full resolution first) or the decoder's stages (coarsest first)."""
        at_encoder = self.place.part == "encoder"
        projected: Tensor = self.projection((encoder if at_encoder else main_stages[::-1])[self.place.level])
        return projected


def shared_head_of(
    features: str | None, widths: Sequence[int], embedding_channels: int | None, ndim: int
) -> SharedHead | None:
    """The head of a network that is to have one; None where no features are named."""
    return None if features is None else SharedHead(features, widths, embedding_channels, ndim)
