"""Gamma correction of the intensities."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ramify.compilation import compiled
from ramify.data.augmentations.drawn import Augmentation, Draw, GreyChange, log_uniform
from ramify.data.augmentations.kind_settings import Kept

_BLOCK = 32768
"""Numbers that stay in the cache from one step of arithmetic to the next."""


def gamma(drawn: Augmentation, draw: Draw) -> Augmentation:
    """An exponent, drawn log-uniformly."""
    of = draw.settings
    exponent = log_uniform(draw.random, of.gamma)
    others = draw.branches.stream("gamma")
    if others.random() >= of.gamma_probability:
        return drawn
    if of.gamma_channels == "together":
        changes = [GreyChange(Gamma(exponent, of.gamma_keeps))]
    else:
        exponents = [exponent, *(log_uniform(others, of.gamma) for _ in range(draw.channels - 1))]
        changes = [GreyChange(Gamma(each, of.gamma_keeps), channel) for channel, each in enumerate(exponents)]
    return drawn.with_grey(each for each in changes if each.change != Gamma(1.0, of.gamma_keeps))


@dataclass(frozen=True)
class Gamma:
    """Gamma correction within a channel's own range in the sample.

    Attributes:
        exponent: of the intensities between 0 and 1.
        keeps: what stays as it is: the range, or mean and standard deviation.
        inverted: whether the sign is turned before, and turned back.
    """

    exponent: float
    keeps: Kept = "range"
    inverted: bool = False

    def __call__(self, channel: NDArray[np.float32], spacing_mm: tuple[float, ...]) -> None:
        """A channel (*S), changed where it is."""
        low, high = float(channel.min()), float(channel.max())
        if high <= low:
            return
        flat = channel.reshape(-1)
        before = _mean_and_sd(flat) if self.keeps == "mean_and_sd" else None
        for start in range(0, flat.size, _BLOCK):
            self._bend(flat[start : start + _BLOCK], low, high)
        if before is not None:
            (mean, sd), (new_mean, new_sd) = before, _mean_and_sd(flat)
            factor = sd / new_sd if new_sd else 1.0
            flat *= np.float32(factor)
            flat += np.float32(mean - factor * new_mean)

    def _bend(self, values: NDArray[np.float32], low: float, high: float) -> None:
        if self.inverted:
            np.subtract(high, values, out=values)
        else:
            values -= low
        values /= high - low
        np.power(values, np.float32(self.exponent), out=values)
        values *= high - low
        if self.inverted:
            np.subtract(high, values, out=values)
        else:
            values += low


def _mean_and_sd(values: NDArray[np.float32]) -> tuple[float, float]:
    total, squares = _sums(values)
    mean = total / values.size
    return mean, math.sqrt(max(squares / values.size - mean * mean, 0.0))


@compiled(nogil=True, fastmath={"reassoc"})
def _sums(values):  # type: ignore[no-untyped-def]
    """Sum of numbers and of their squares, in one pass."""
    total, squares = 0.0, 0.0
    for n in range(values.size):
        value = np.float64(values[n])
        total += value
        squares += value * value
    return total, squares
