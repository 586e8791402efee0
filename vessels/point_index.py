"""Lattice points, sorted once for any number of questions: how far is the nearest, is one within reach?"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vessels.nearest import (
    TIE,
    fill_boxes,
    greatest_squared_distance,
    morton_codes,
    n_nodes,
    squared_distances,
    within_squared_distance,
)

Points = NDArray[np.integer]


class PointIndex:
    """Points of a grid with a spacing, ready to be asked for the nearest of them.

    points: integer (N, ndim) >= 0, 2D or 3D, in any order; kept as `points`, int32 (N, 3), near ones together.
    spacing_mm: distance of neighbouring grid points along each axis, millimetres, > 0.
    order: where each of `points` stood among those given.

    Questions are int (M, ndim) or (M, 3); they are answered fastest if neighbours follow each other, as `points` do.
    Distances are exact: those of integer offsets. Raises ValueError for a bad spacing.
    """

    def __init__(self, points: Points, spacing_mm: Sequence[float]) -> None:
        self.spacing_mm = spacing_in_3d(spacing_mm, points.shape[1])
        unsorted = in_3d(points)
        self.order = np.argsort(morton_codes(unsorted), kind="stable")
        self.points = unsorted[self.order]
        self._boxes = np.empty((n_nodes(len(self.points)), 6), dtype=np.int32)
        fill_boxes(self.points, self._boxes)

    def distances_mm(self, queries: Points) -> NDArray[np.float64]:
        """Distance from each query to the nearest point, float64 (M,); inf if there is no point."""
        if len(self.points) == 0:
            return np.full(len(queries), math.inf)
        return np.sqrt(squared_distances(in_3d(queries), self.points, self._boxes, self.spacing_mm))

    def greatest_distance_mm(self, queries: Points) -> float:
        """The greatest of the `distances_mm`, far faster than all of them; 0 without queries."""
        if len(self.points) == 0:
            return math.inf if len(queries) else 0.0
        return math.sqrt(greatest_squared_distance(in_3d(queries), self.points, self._boxes, self.spacing_mm))

    def within(self, queries: Points, limit_mm: float) -> NDArray[np.bool_]:
        """Whether each query has a point at most `limit_mm` away, bool (M,).

        A distance that exceeds the limit by less than 1e-9 of it counts as within: three steps of 0.1 mm are 0.3 mm.
        """
        if len(self.points) == 0:
            return np.zeros(len(queries), dtype=bool)
        limit = limit_mm * limit_mm * (1 + TIE)
        return within_squared_distance(in_3d(queries), self.points, self._boxes, self.spacing_mm, limit)


def spacing_in_3d(spacing_mm: Sequence[float], ndim: int) -> tuple[float, float, float]:
    """The spacing checked, with 1 mm along the axis that a plane lacks."""
    spacing = tuple(float(value) for value in spacing_mm)
    if len(spacing) != ndim or not all(math.isfinite(value) and value > 0 for value in spacing):
        raise ValueError(f"spacing_mm: expected {ndim} positive numbers in array axis order (z, y, x), got {spacing}")
    z, y, x = (1.0,) * (3 - ndim) + spacing
    return z, y, x


def in_3d(points: Points) -> NDArray[np.int32]:
    """Indices (N, 2 or 3) as (N, 3); a plane's points have z = 0."""
    if points.shape[1] == 3:
        return np.ascontiguousarray(points, dtype=np.int32)
    padded = np.zeros((len(points), 3), dtype=np.int32)
    padded[:, 1:] = points
    return padded
