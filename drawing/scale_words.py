"""What scales are called and which radii they hold, in words, wherever they are shown."""

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
    inner = [f"{low:.2f} < r ≤ {high:.2f} mm" for low, high in pairwise(thresholds_mm)]
    return [f"r ≤ {thresholds_mm[0]:.2f} mm", *inner, f"r > {thresholds_mm[-1]:.2f} mm"]
