"""The encoder all tasks share: E of Sadikine et al. 2023, Sec. 2.2 and Fig. 3."""

from torch import Tensor, nn

from ramify.models.blocks import DownSampling, ResidualBlock, check_at_least
from ramify.models.cpu_layers import in_order_of
from ramify.models.pooling import Rows, pooling_rows
from ramify.models.recomputation import run


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
        pooling: which axes each level halves; None: all.
        recompute: keep no activations inside a block for the backward pass; see `run`.
    """

    def __init__(
        self,
        in_channels: int,
        levels: int,
        base_channels: int,
        ndim: int,
        *,
        pooling: Rows | None = None,
        recompute: bool = False,
    ) -> None:
        super().__init__()
        check_at_least("in_channels", in_channels, 1)
        self.widths = channel_widths(levels, base_channels)
        self.pooling = pooling_rows(levels, ndim) if pooling is None else pooling
        self.recompute = recompute
        inputs = (in_channels, *self.widths[:-1])
        self.blocks = nn.ModuleList(ResidualBlock(n, width, ndim) for n, width in zip(inputs, self.widths))
        self.down = DownSampling()

    def forward(self, image: Tensor) -> list[Tensor]:
        image = in_order_of(image, next(self.blocks[-1].parameters()))
        features = [run(self.blocks[0], image, recompute=self.recompute)]
        for block, factors in zip(self.blocks[1:], self.pooling):
            features.append(run(block, self.down(features[-1], factors), recompute=self.recompute))
        return features
