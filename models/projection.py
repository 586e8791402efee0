"""Projection heads for the contrast between scales: proj_s of Sadikine et al. 2023, Eq. 6."""

import torch
from torch import Tensor, nn

from ramify.models.blocks import PRELU_START, check_at_least, normalised_convolution
from ramify.models.cpu_layers import PReLU


class ProjectionHead(nn.Module):
    """Twice 1^ndim convolution, batch norm, PReLU, then l2-normalised over channels: (B, C, *s) -> (B, E, *s).

    Sadikine et al. 2023, Eq. 6. The norm is taken in float32 whatever the precision of the features, since the
    contrastive loss divides its products by a small temperature. A position whose features are all zero stays zero.

    Args:
        in_channels: channels C of the first decoder stage, 2^(l-1) f0.
        embedding_channels: channels E of the embedding.
        ndim: 2 or 3.
    """

    def __init__(self, in_channels: int, embedding_channels: int, ndim: int) -> None:
        super().__init__()
        check_at_least("embedding_channels", embedding_channels, 1)
        self.layers = nn.Sequential(
            normalised_convolution(in_channels, in_channels, 1, ndim),
            PReLU(PRELU_START),
            normalised_convolution(in_channels, embedding_channels, 1, ndim),
            PReLU(PRELU_START),
        )

    def forward(self, features: Tensor) -> Tensor:
        projected = self.layers(features)
        with torch.autocast(projected.device.type, enabled=False):
            return nn.functional.normalize(projected.to(torch.promote_types(projected.dtype, torch.float32)), dim=1)
