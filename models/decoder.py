"""One decoder a task: D_s of Sadikine et al. 2023, Eq. 4 and Fig. 3."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.blocks import ResidualBlock, UpSampling, check_at_least, layers_of


class DecoderOutputs(NamedTuple):
    """What a decoder gives: logits (B, K, *S) and its first stage's features (B, 2^(l-1) f0, *S/2^(l-1))."""

    logits: Tensor
    first_stage: Tensor


class Decoder(nn.Module):
    """Up-sampling, long skip connection and residual block per level: encoder features -> logits at full resolution.

    Ends with a 1^ndim convolution; the sigmoid (or softmax) of the paper is applied by whoever reads the logits, the
    loss and the prediction, for numerical stability.

    Args:
        widths: channels of the encoder's levels, full resolution first.
        out_channels: channels K of the logits.
        ndim: 2 or 3.
    """

    def __init__(self, widths: Sequence[int], out_channels: int, ndim: int) -> None:
        super().__init__()
        check_at_least("out_channels", out_channels, 1)
        upwards = list(pairwise(reversed(widths)))
        self.up = nn.ModuleList(UpSampling(deep, shallow, ndim) for deep, shallow in upwards)
        self.blocks = nn.ModuleList(ResidualBlock(2 * shallow, shallow, ndim) for _, shallow in upwards)
        self.head = layers_of(ndim).convolution(widths[0], out_channels, 1)

    def forward(self, features: Sequence[Tensor]) -> DecoderOutputs:
        current, stages = features[-1], []
        for up, block, skip in zip(self.up, self.blocks, reversed(features[:-1])):
            current = block(torch.cat((skip, up(current)), dim=1))
            stages.append(current)
        return DecoderOutputs(self.head(current), stages[0])
