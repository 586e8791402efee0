"""Fractal dimension of a tree, by counting boxes."""

from itertools import product

import numpy as np

from ramify.vessels.branches import FloatArray

_FEWEST_SIZES = 3
_LARGEST_SHARE = 4


def box_counting_dimension(points_mm: FloatArray, smallest_mm: float) -> float | None:
    """How the number of boxes that hold a point grows as boxes shrink: minus the slope of ln N over ln of their side.

    Sides are `smallest_mm` times powers of the square root of 2, up to a quarter of the points' extent. A side or a
    middle of the boxes lies, along each axis, in the middle of the points, whichever way needs fewest boxes; mirrored
    points have the same dimension.

    Args:
        points_mm: float (N, ndim), closer to each other than half the smallest box.
        smallest_mm: side of the smallest boxes.

    Returns:
        None where fewer than three sizes fit.

    Examples:
        >>> import numpy as np
        >>> from ramify.analysis import box_counting_dimension
        >>> plane = np.stack(np.meshgrid(np.arange(256.0), np.arange(256.0)), axis=-1).reshape(-1, 2)
        >>> round(box_counting_dimension(plane, 4.0), 1)
        2.0
    """
    if not len(points_mm):
        return None
    low, high = points_mm.min(axis=0), points_mm.max(axis=0)
    largest = float((high - low).max()) / _LARGEST_SHARE
    sizes: list[float] = []
    while (side := smallest_mm * 2 ** (len(sizes) / 2)) <= largest:
        sizes.append(side)
    if len(sizes) < _FEWEST_SIZES:
        return None
    counts = [
        min(_boxes((points_mm - (low + high) / 2) / side + shift) for shift in product((0.0, 0.5), repeat=len(low)))
        for side in sizes
    ]
    slope = np.polyfit(np.log(sizes), np.log(counts), 1)[0]
    # A single point has the dimension 0, without what rounding leaves of the fit.
    return abs(round(float(slope), 9))


def _boxes(points: FloatArray) -> int:
    """How many boxes of side 1 hold a point."""
    boxes = np.floor(points).astype(np.int64)
    boxes -= boxes.min(axis=0)
    return len(np.unique(np.ravel_multi_index(tuple(boxes.T), tuple(boxes.max(axis=0) + 1))))
