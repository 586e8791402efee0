"""The encoder all tasks share: E of Sadikine et al. 2023, Sec. 2.2 and Fig. 3."""

import math

from torch import Tensor, nn

from models.blocks import DownSampling, ResidualBlock, check_at_least, layers_of


def channel_widths(levels: int, base_channels: int) -> tuple[int, ...]:
    """Channels from full resolution to the bottom, doubled at each down-sampling: 5 and 8 give 8, 16, …, 256."""
    check_at_least("levels", levels, 1)
    check_at_least("base_channels", base_channels, 1)
    return tuple(base_channels * 2**level for level in range(levels + 1))


class Encoder(nn.Module):
    """Residual blocks with max-pooling between them: (B, C, *S) -> features of every level, full resolution first.

    Args:
        in_channels: channels C of the image.
        levels: number of down-samplings l; level i has 2^i base_channels channels at 1/2^i of the resolution.
        base_channels: channels f0 at full resolution.
        ndim: 2 or 3.

    Raises (on forward) ValueError for another number of dimensions or channels, a size that is not a multiple of
    2^levels (`size_multiple`; padding is the caller's), or a training batch too small for batch norm.
    """

    def __init__(self, in_channels: int, levels: int, base_channels: int, ndim: int) -> None:
        super().__init__()
        check_at_least("in_channels", in_channels, 1)
        layers_of(ndim)
        self.in_channels = in_channels
        self.ndim = ndim
        self.widths = channel_widths(levels, base_channels)
        self.size_multiple = 2**levels
        inputs = (in_channels, *self.widths[:-1])
        self.blocks = nn.ModuleList(ResidualBlock(n, width, ndim) for n, width in zip(inputs, self.widths))
        self.down = DownSampling()

    def forward(self, image: Tensor) -> list[Tensor]:
        self._check(image)
        features = [self.blocks[0](image)]
        for block in self.blocks[1:]:
            features.append(block(self.down(features[-1])))
        return features

    def _check(self, image: Tensor) -> None:
        shape = tuple(image.shape)
        if image.ndim != self.ndim + 2:
            raise ValueError(
                f"image: expected {self.ndim + 2} axes (batch, channel, {self.ndim} of space), got {shape}"
            )
        if shape[1] != self.in_channels:
            raise ValueError(f"image: expected {self.in_channels} channel(s) on axis 1, got {shape[1]} in {shape}")
        size = shape[2:]
        if any(n < 1 or n % self.size_multiple for n in size):
            raise ValueError(
                f"image: size {size} is not a multiple of {self.size_multiple} along every axis; "
                "pad it or use fewer levels"
            )
        values = shape[0] * math.prod(n // self.size_multiple for n in size)
        if self.training and values < 2:
            raise ValueError(
                f"image: {shape} leaves batch norm one value a channel at the deepest level; "
                "train with larger patches, a larger batch or fewer levels"
            )
