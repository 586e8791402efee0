"""What scales are called and which radii they hold, in words, wherever they are shown."""

import math
from collections.abc import Sequence
from itertools import pairwise


def scale_names(count: int) -> list[str]:
    """What the scales are called, smallest vessels first."""
    if count == 3:
        return ["small", "medium", "large"]
    return [f"scale {number}" for number in range(1, count + 1)] if count > 1 else ["all vessels"]


def radius_ranges(thresholds_mm: Sequence[float], count: int) -> list[str]:
    """Which branch radii belong to each of `count` scales; without vessels there are no thresholds between them."""
    if not thresholds_mm:
        return ["all radii"] if count == 1 else ["no vessel"] * count
    limits = [_written(threshold) for threshold in thresholds_mm]
    inner = [f"{low} < r ≤ {high} mm" for low, high in pairwise(limits)]
    return [f"r ≤ {limits[0]} mm", *inner, f"r > {limits[-1]} mm"]


def _written(radius_mm: float) -> str:
    """With two decimals, or two digits that count where the vessels are micrometres wide."""
    decimals = 2 if radius_mm >= 0.1 or radius_mm <= 0 else 1 - math.floor(math.log10(radius_mm))
    return f"{radius_mm:.{decimals}f}"
