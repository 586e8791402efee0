"""One decoder a task: D_s of Sadikine et al. 2023, Eq. 4 and Fig. 3."""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ramify.models.blocks import ResidualBlock, check_at_least, layers_of, upsampled_convolution
from ramify.models.cpu_layers import convolve
from ramify.models.pooling import Rows, pooling_rows
from ramify.models.recomputation import run


class DecoderOutputs(NamedTuple):
    """What a decoder gives: logits (B, K, *S), the features of its stages, deep logits."""

    logits: Tensor
    stages: tuple[Tensor, ...]
    """Coarsest first: (B, 2^(l-1) f0, *S/2^(l-1)), …, (B, f0, *S); of a decoder that ends earlier, as far as that."""
    deep_logits: tuple[Tensor, ...]
    """(B, K, *S/2), (B, K, *S/4), …, finest first; none outside training."""


class FromSkip(NamedTuple):
    """What a decoder's block has of the long skip connection: the sums over its channels, before batch norm."""

    first: Tensor
    shortcut: Tensor


class MergingBlock(ResidualBlock):
    """A residual block over a skip connection and up-sampled features, (B, C' + C, *S) side by side -> (B, C, *S).

    A convolution over channels side by side is a sum of two. That over the skip connection is computed for all decoders
    at once (`from_skip`), that over the up-sampled features before they are up-sampled.

    factors: of each axis 2, or 1 where it is not up-sampled; None: all by two.
    of_skip: channels C' of the skip connection; None: as many as there are up-sampled.
    """

    def __init__(
        self, channels: int, ndim: int, factors: Sequence[int] | None = None, of_skip: int | None = None
    ) -> None:
        self.of_skip = channels if of_skip is None else of_skip
        super().__init__(self.of_skip + channels, channels, ndim)
        self.channels = channels
        self.factors = (2,) * ndim if factors is None else tuple(factors)

    def kernels(self) -> tuple[Tensor, Tensor]:
        """Of the first convolution and of the shortcut: the skip connection's channels come first."""
        first, shortcut = self.first[0].weight, self.shortcut[0].weight  # type: ignore[index]
        assert isinstance(first, Tensor)
        assert isinstance(shortcut, Tensor)
        return first, shortcut

    def forward(self, below: Tensor, skip: FromSkip) -> Tensor:  # type: ignore[override]
        """below: (B, C, *S/2), to be up-sampled to the nearest neighbour."""
        first, shortcut = (kernel[:, self.of_skip :] for kernel in self.kernels())
        coarse = convolve(below, shortcut)
        from_first = upsampled_convolution(below, first, self.factors).add_(skip.first)
        scale = [float(factor) for factor in self.factors]
        from_shortcut = functional.interpolate(coarse, scale_factor=scale, mode="nearest").add_(skip.shortcut)
        return self.join(self.first[1](from_first), self.shortcut[1](from_shortcut))  # type: ignore[index]


def from_skip(blocks: Sequence[MergingBlock], skip: Tensor) -> list[FromSkip]:
    """What each block, one a decoder, has of the same skip connection (B, C, *S)."""
    layers = layers_of(skip.ndim - 2)
    sums = []
    for kernels in zip(*(block.kernels() for block in blocks)):
        kernel = torch.cat([kernel[:, : skip.shape[1]] for kernel in kernels])
        if not skip.is_contiguous():  # channels last: a kernel in another order would have the result copied over
            kernel = kernel.contiguous(memory_format=layers.memory_format)
        sums.append(convolve(skip, kernel).split([block.channels for block in blocks], dim=1))
    return [FromSkip(*parts) for parts in zip(*sums)]


class Decoder(nn.Module):
    """Up-sampling, long skip connection and residual block per level: encoder features -> logits at full resolution.

    Nearest-neighbour up-sampling and its 1^ndim convolution commute exactly, so the convolution runs first, on 2^ndim
    times fewer voxels; the block of 3^ndim convolutions does the smoothing. Ends with a 1^ndim convolution; the sigmoid
    (or softmax) of the paper is applied by whoever reads the logits, the loss and the prediction, for numerical
    stability. Run by `decode`.

    Args:
        widths: channels of the encoder's levels, full resolution first.
        out_channels: channels K of the logits.
        ndim: 2 or 3.
        deep_supervision: number of further, coarser logits in training, at most levels - 1.
        pooling: which axes each level of the encoder halves; None: all.
        ends_at: the encoder's level on whose grid the logits are; deep supervision goes on from there.
        width: the decoder's own channels at a level, as a share of the encoder's, at least one.
    """

    def __init__(
        self,
        widths: Sequence[int],
        out_channels: int,
        ndim: int,
        deep_supervision: int = 0,
        *,
        pooling: Rows | None = None,
        ends_at: int = 0,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        check_at_least("out_channels", out_channels, 1)
        check_deep_supervision(deep_supervision, len(widths) - 2 - ends_at)
        convolution = layers_of(ndim).convolution
        of_skips = widths[ends_at:-1]
        self.widths = tuple(max(1, round(width * channels)) for channels in of_skips)
        upwards = list(pairwise((widths[-1], *reversed(self.widths))))
        self.up = nn.ModuleList(
            nn.Sequential(OrderedDict(convolution=convolution(deep, shallow, 1))) for deep, shallow in upwards
        )
        rows = pooling_rows(len(widths) - 1, ndim) if pooling is None else pooling
        self.blocks = nn.ModuleList(
            MergingBlock(shallow, ndim, factors, of_skip)
            for (_, shallow), factors, of_skip in zip(upwards, reversed(rows), reversed(of_skips))
        )
        self.head = convolution(self.widths[0], out_channels, 1)
        self.deep_heads = nn.ModuleList(
            convolution(channels, out_channels, 1) for channels in self.widths[1 : 1 + deep_supervision]
        )

    def stage(self, level: int, below: Tensor, skip: FromSkip) -> Tensor:
        """One level up: features (B, 2C, *S/2) and the skip connection -> (B, C, *S)."""
        merged: Tensor = self.blocks[level](self.up[level](below), skip)
        return merged

    def read(self, stages: Sequence[Tensor]) -> DecoderOutputs:
        """Logits of the stages' features, coarsest first."""
        deep = zip(self.deep_heads, reversed(stages[:-1])) if self.training else ()
        return DecoderOutputs(self.head(stages[-1]), tuple(stages), tuple(head(features) for head, features in deep))


def check_deep_supervision(wanted: int, most: int) -> None:
    """Raise ValueError unless a decoder has that many coarser stages."""
    if not 0 <= wanted <= most:
        raise ValueError(f"deep_supervision: expected 0 … {most} coarser outputs for {most + 1} levels, got {wanted}")


def decode(decoders: Sequence[Decoder], features: Sequence[Tensor], *, recompute: bool = False) -> list[DecoderOutputs]:
    """Run decoders over the same features of an encoder, full resolution first; each as far as it goes.

    Args:
        recompute: keep no activations inside a stage for the backward pass; see `run`. Each decoder then also
            computes for itself what it has of the skip connections, since to keep that would cost most.
    """
    if recompute:
        return [_decode_recomputing(decoder, features) for decoder in decoders]
    stages: list[list[Tensor]] = [[features[-1]] for _ in decoders]
    for level, skip in enumerate(reversed(features[:-1])):
        running = [(decoder, kept) for decoder, kept in zip(decoders, stages) if level < len(decoder.blocks)]
        if not running:
            break
        parts = from_skip([decoder.blocks[level] for decoder, _ in running], skip)  # type: ignore[misc]
        for (decoder, kept), part in zip(running, parts, strict=True):
            kept.append(decoder.stage(level, kept[-1], part))
    return [decoder.read(kept[1:]) for decoder, kept in zip(decoders, stages)]


def _decode_recomputing(decoder: Decoder, features: Sequence[Tensor]) -> DecoderOutputs:
    def stage(level: int, below: Tensor, skip: Tensor) -> Tensor:
        return decoder.stage(level, below, from_skip([decoder.blocks[level]], skip)[0])  # type: ignore[list-item]

    stages = [features[-1]]
    for level, skip in zip(range(len(decoder.blocks)), reversed(features[:-1])):
        stages.append(run(stage, level, stages[-1], skip, of=decoder.blocks[level], recompute=True))
    return decoder.read(stages[1:])
