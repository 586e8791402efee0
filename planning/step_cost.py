"""What a training step takes, before there is a network: parameters, products and memory.

Memory is a model with few numbers, held against measured peaks by `python -m benchmarks.planning` (docs/planning.md has
its error): weights with their gradient and AdamW's two means, then for every voxel of every level the features that
are kept for the backward pass, as many for each channel whatever the level, and what the loss keeps of each logit.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from ramify.models.pooling import Rows, pooling_rows


class Kept(NamedTuple):
    """Values that a step keeps.

    encoder, decoder: for each voxel and channel of every level, of the encoder and of each decoder, in the network's
        precision. logit: float32 values for each logit of a voxel, of losses, masks and probabilities. voxel: float32
        values for each voxel, of image, labels and what losses share.
    """

    encoder: float
    decoder: float
    logit: float
    voxel: float


KEPT = {"resunet": Kept(9.0, 7.0, 52.0, 20.0), "unet": Kept(4.0, 4.0, 10.0, 120.0)}
"""As measured on the CPU, and a sixth more. The networks that are here can be planned."""
BYTES_A_WEIGHT = 16
"""float32: the weight, its gradient, and AdamW's two means."""
PASSES = 3
"""Products of a step, forward and back, for each of a forward pass."""


class NetworkForm(NamedTuple):
    """What a network is, but for its size."""

    family: str
    """One of KEPT."""
    ndim: int
    in_channels: int = 1
    decoders: int = 1
    """How many there are: one a task of resunet's, one in all of unet's."""
    outputs: int = 1
    """Logits of a voxel, of all decoders."""


class NetworkSize(NamedTuple):
    """Channels at full resolution, which double at each level, and how often each axis is halved."""

    base_channels: int
    halvings: tuple[int, ...]

    @property
    def levels(self) -> int:
        """Number of down-samplings."""
        return max(self.halvings)

    @property
    def rows(self) -> Rows:
        """What each level halves."""
        return pooling_rows(self.levels, len(self.halvings), self.halvings)

    @property
    def widths(self) -> list[int]:
        """Channels of each level, full resolution first."""
        return [self.base_channels * 2**level for level in range(self.levels + 1)]

    def shares(self) -> list[float]:
        """Voxels of each level for one of the image."""
        found = [1.0]
        for row in self.rows:
            found.append(found[-1] / math.prod(row))
        return found


def parameters_of(form: NetworkForm, size: NetworkSize) -> int:
    """Weights of the convolutions: all but a thousandth of a network's."""
    return sum(weights for weights, _ in _convolutions(form, size))


def products_of(form: NetworkForm, size: NetworkSize, patch: Sequence[int], batch: int) -> float:
    """Products of a training step: of its convolutions, forward and back."""
    shares = size.shares()
    return (
        PASSES * batch * math.prod(patch) * sum(weights * shares[level] for weights, level in _convolutions(form, size))
    )


def memory_of(form: NetworkForm, size: NetworkSize, patch: Sequence[int], batch: int, *, half: bool) -> float:
    """Peak memory of a training step in bytes, beside what a process has anyway.

    half: whether features are kept in two bytes (bfloat16 and float16 on a GPU) rather than four.
    """
    kept = KEPT[form.family]
    levels = sum(share * width for share, width in zip(size.shares(), size.widths))
    features = (kept.encoder + kept.decoder * form.decoders) * levels
    of_voxel = features * (2 if half else 4) + 4 * (kept.logit * form.outputs + kept.voxel)
    return BYTES_A_WEIGHT * parameters_of(form, size) + batch * math.prod(patch) * of_voxel


def _convolutions(form: NetworkForm, size: NetworkSize) -> Iterator[tuple[int, int]]:
    """Weights of each convolution, and the level on whose voxels it runs."""
    taps, widths = 3**form.ndim, size.widths
    inputs = [form.in_channels, *widths[:-1]]
    residual = form.family == "resunet"
    for level, (before, width) in enumerate(zip(inputs, widths)):
        between = max(1, width // 2) if form.family == "unet" and form.ndim == 3 else width
        yield taps * (before * between + between * width), level
        if residual and before != width:
            yield before * width, level
    for level, (width, below) in enumerate(pairwise(widths)):
        for _ in range(form.decoders):
            if residual:
                # The up-sampled half of the first convolution runs on the coarse voxels, with four taps for three.
                yield below * width, level + 1
                yield taps * 3 * width * width + 2 * width * width, level
            else:
                up = below if form.ndim == 3 else width
                yield math.prod(size.rows[level]) * below * up, level + 1
                yield taps * ((width + up) * width + width * width), level
    yield widths[0] * form.outputs, 0
