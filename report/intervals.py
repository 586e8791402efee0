"""The mean of a measure over cases with its interval, and how far such an interval can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ramify.comparison.statistics import bootstrap_coverage, bootstrap_interval

LEVEL = 0.95
ENOUGH_CASES = 20


@dataclass(frozen=True)
class MeanInterval:
    """A mean over `count` values; low and high are None with fewer than three, which say nothing of their spread."""

    mean: float | None
    low: float | None
    high: float | None
    count: int


def mean_interval(values: Sequence[float]) -> MeanInterval:
    """Mean with its 95 % bootstrap interval, bias-corrected and accelerated (Efron 1987): 9999 resamples, seed 0."""
    array = np.asarray(values, dtype=np.float64)
    found = bootstrap_interval(array, LEVEL) if array.size else None
    low, high = (found.low, found.high) if found else (None, None)
    return MeanInterval(float(array.mean()) if array.size else None, low, high, array.size)


def caution(count: int) -> str:
    """What to keep in mind about intervals of so many cases, in words; empty where they are enough."""
    if count >= ENOUGH_CASES:
        return ""
    if count < 3:
        return "Fewer than three cases: there is no interval, and a mean of them says little about other patients."
    return (
        f"Few cases: with {count}, an interval made to hold the true mean in 95 % of samples holds it in about "
        f"{bootstrap_coverage(count, LEVEL):.0%}. Read it as narrower than it should be."
    )
