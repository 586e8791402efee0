"""One projection head for all scales, on features that every task shares: what a contrast cannot solve by constants."""

from collections.abc import Sequence

from torch import Tensor, nn

from ramify.models.blocks import initialise
from ramify.models.feature_place import feature_place
from ramify.models.projection import ProjectionHead

LEAST_EMBEDDING = 16
"""Channels of the embedding where none are chosen and half of the features' would be fewer."""


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
