"""Letter values: quantiles at halves, quarters, eighths …, as far into the tails as the sample can be trusted.

Hofmann, Wickham and Kafadar, "Letter-value plots: boxplots for large data", 2017.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np


@dataclass(frozen=True)
class LetterValues:
    """The letter values of a sample.

    Attributes:
        median: the first letter value.
        lower, upper: fourths, eighths, sixteenths … below and above the median, innermost first; as many on each side.
        outliers: the values beyond the outermost pair, in order.
    """

    median: float
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    outliers: tuple[float, ...]


def letter_values(values: Sequence[float] | np.ndarray, confidence: float = 0.95) -> LetterValues:
    """Letter values of a sample by Tukey's depths, d_1 = (1 + n) / 2 and d_{i+1} = (1 + floor(d_i)) / 2.

    They stop where the confidence intervals of neighbouring letter values would begin to overlap: k = floor(log2 n -
    log2(2 z^2)) + 1 with z the normal quantile of the confidence (Hofmann et al. 2017), but never before the fourths.

    Args:
        values: the sample, finite, in any order.
        confidence: level of the intervals, in (0, 1).

    Raises:
        ValueError: the sample is empty or not finite.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64).ravel())
    if ordered.size == 0 or not np.isfinite(ordered).all():
        raise ValueError(f"letter values: expected a sample of finite numbers, got {ordered.size} values")
    depth = (1 + ordered.size) / 2
    median = _at_depth(ordered, depth)
    lower, upper = [], []
    for _ in range(_count(ordered.size, confidence) - 1):
        depth = (1 + math.floor(depth)) / 2
        lower.append(_at_depth(ordered, depth))
        upper.append(_at_depth(ordered[::-1], depth))
    beyond = (ordered < lower[-1]) | (ordered > upper[-1])
    return LetterValues(median, tuple(lower), tuple(upper), tuple(float(value) for value in ordered[beyond]))


def _count(size: int, confidence: float) -> int:
    """Number of letter values, the median included."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    return max(2, math.floor(math.log2(size / (2 * z**2))) + 1)


def _at_depth(ordered: np.ndarray, depth: float) -> float:
    """The value at a depth counted from 1; half depths are the mean of their neighbours."""
    return float(ordered[math.floor(depth) - 1] + ordered[math.ceil(depth) - 1]) / 2
