"""Curves through voxels, freed of the staircase that voxels make."""

from collections.abc import Sequence

import numpy as np

from ramify.compilation import compiled
from ramify.vessels.branches import BoolArray, FloatArray, IntArray, branch_medians

# Standard deviation of the smoothing along a curve, in points. Voxel to voxel, oblique tubes are 11 % too long;
# smoothed by one point 1 %, and rings of 5 voxels' radius 3 % too short.
_LEAST_POINTS = 1.0
# The same in radii of the vessel. A centreline wanders in its vessel, and the more voxels the vessel is wide the longer
# it wanders: by points alone, one shape stored three times finer has a tenth more length.
RADII = 0.75
# Where the Gaussian is cut off, in standard deviations.
_REACH = 3.0


def smooth_curves(points_mm: FloatArray, starts: IntArray, closed: BoolArray, radii_mm: FloatArray | None) -> None:
    """Average every point with its neighbours along its curve, in place; ends stay, a loop has none.

    By a Gaussian whose standard deviation is one point, or three quarters of the vessel's radius where that is more: a
    vessel of radius r that bends by a radius R is drawn shorter by 0.28 (r / R)² of its length.

    Args:
        points_mm: float (M, ndim), the curves' points, one after the other.
        starts: int (n + 1,), curve j runs through `points_mm[starts[j]:starts[j + 1]]`; a loop ends where it starts.
        closed: bool (n,), whether each curve is a loop.
        radii_mm: float (M,), radius of the vessel at each point; None: smooth by one point alone.
    """
    steps = np.zeros(len(points_mm))
    steps[:-1] = np.linalg.norm(np.diff(points_mm, axis=0), axis=1)
    deviations = np.full(len(starts) - 1, _LEAST_POINTS)
    if radii_mm is not None and len(deviations):
        steps[starts[1:] - 1] = 0.0
        length = np.add.reduceat(steps, starts[:-1])
        radius = branch_medians(radii_mm, np.repeat(np.arange(len(deviations)), np.diff(starts)), len(deviations))
        width = np.divide(radius * (np.diff(starts) - 1), length, out=np.zeros(len(length)), where=length > 0)
        deviations = np.maximum(deviations, RADII * width)
    _smooth(points_mm, points_mm.copy(), starts, closed, deviations)


@compiled(nogil=True)
def _smooth(
    points: np.ndarray, before: np.ndarray, starts: np.ndarray, closed: np.ndarray, deviations: np.ndarray
) -> None:
    """Every curve smoothed by a Gaussian of so many points, from `before` into `points`, inner points alone.

    A curve goes on beyond each end as it came, turned about that end, which thus would stay; a loop goes round.
    """
    for curve in range(len(deviations)):
        first, last = starts[curve], starts[curve + 1] - 1
        n = last - first
        if n < 2:
            continue
        reach = int(_REACH * deviations[curve] + 0.5)
        weights = np.exp(-0.5 * (np.arange(reach + 1) / deviations[curve]) ** 2)
        weights /= 2 * weights.sum() - weights[0]
        for i in range(0 if closed[curve] else 1, n):
            for axis in range(points.shape[1]):
                # By differences, so that nothing moves a straight line.
                here, moved = before[first + i, axis], 0.0
                for k in range(1, reach + 1):
                    both = _at(before, first, n, closed[curve], i - k, axis)
                    both += _at(before, first, n, closed[curve], i + k, axis)
                    moved += weights[k] * (both - 2 * here)
                points[first + i, axis] = here + moved
        if closed[curve]:
            points[last] = points[first]


@compiled(nogil=True)
def _at(points: np.ndarray, first: int, n: int, loop: bool, i: int, axis: int) -> float:
    """Where the i-th point of a curve is along an axis, i from 0 to n and beyond."""
    if loop:
        value: float = points[first + i % n, axis]
        return value
    turns, at = i // (2 * n), i % (2 * n)
    start, end = points[first, axis], points[first + n, axis]
    within: float = points[first + at, axis] if at <= n else 2 * end - points[first + 2 * n - at, axis]
    beyond: float = within + turns * 2 * (end - start)
    return beyond


def led_to_tips(
    points_mm: FloatArray,
    voxel: IntArray,
    starts: IntArray,
    tips: BoolArray,
    depth_mm: FloatArray,
    spacing_mm: Sequence[float],
) -> tuple[FloatArray, IntArray, IntArray]:
    """Lead curves on from where thinning left their ends to the tips of their vessels.

    Thinning takes about a radius off each end: of many short vessels a part of their length, and the more the coarser
    the grid. A curve goes on straight, by the radius of the largest ball within the vessel around its end, and at least
    to the face of the voxel it ends in.

    Args:
        points_mm: float (M, ndim), the curves' points, one after the other.
        voxel: int (M,), the skeleton voxel of each.
        starts: int (n + 1,), where curves begin.
        tips: bool (n, 2), whether each curve's start and end are those of a vessel.
        depth_mm: float (N,), distance to the wall at each skeleton voxel.
        spacing_mm: voxel size along each axis, mm.

    Returns:
        `points_mm`, `voxel` and `starts` with a point more at each tip, that of the same voxel.
    """
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    curves, sides = np.nonzero(tips)
    at = starts[curves + sides]
    ends = voxel[at - sides]
    tip = np.empty((len(curves), points_mm.shape[1]))
    for number, (curve, side) in enumerate(zip(curves.tolist(), sides.tolist(), strict=True)):
        path = points_mm[starts[curve] : starts[curve + 1]][:: -1 if side else 1]
        ahead = heading(path, depth_mm[ends[number]])
        least = float(np.linalg.norm(ahead * spacing)) / 2
        tip[number] = path[0] + ahead * max(depth_mm[ends[number]] - spacing.min() / 2, least)
    more = np.append(0, np.cumsum(np.bincount(curves, minlength=len(tips))))
    return np.insert(points_mm, at, tip, axis=0), np.insert(voxel, at, ends), starts + more


def heading(path: FloatArray, length_mm: float) -> FloatArray:
    """Direction in which a path, float (n, ndim), comes to its first point over a length; of a path in place 0."""
    gone = np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))
    ahead: FloatArray = path[0] - path[min(int(np.searchsorted(gone, length_mm)) + 1, len(path) - 1)]
    norm = float(np.linalg.norm(ahead))
    return ahead / norm if norm > 0 else ahead
