"""Lattice points, sorted once for any number of questions: how far is the nearest, is one within reach?"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ramify.compilation import compiled
from ramify.vessels.nearest_kernels import TIE, fill_boxes, morton_codes, n_nodes, nearest_point, squared_length

Points = NDArray[np.integer]


class PointIndex:
    """Points of a grid with a spacing, ready to be asked for the nearest of them.

    Args:
        points: integer (N, ndim) >= 0, 2D or 3D, in any order; kept as `points`, int32 (N, 3), near ones together.
        spacing_mm: distance of neighbouring grid points along each axis, millimetres, > 0.

    Attributes:
        order: where each of `points` stood among those given.

    Questions are int (M, ndim) or (M, 3); they are answered fastest if neighbours follow each other, as `points` do.
    Distances are exact: those of integer offsets. Raises ValueError for a bad spacing.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import PointIndex
        >>> index = PointIndex(np.array([[0, 0, 0], [0, 0, 9]]), spacing_mm=(1.0, 1.0, 0.5))
        >>> index.distances_mm(np.array([[0, 0, 2], [0, 3, 9]])).tolist()
        [1.0, 3.0]
    """

    def __init__(self, points: Points, spacing_mm: Sequence[float]) -> None:
        self.spacing_mm = spacing_in_3d(spacing_mm, points.shape[1])
        unsorted = in_3d(points)
        codes = morton_codes(unsorted)
        self.order = np.argsort(codes, kind="stable")
        self.points = unsorted[self.order]
        self._codes = codes[self.order]
        self._boxes = np.empty((n_nodes(len(self.points)), 6), dtype=np.int32)
        fill_boxes(self.points, self._boxes)

    def distances_mm(self, queries: Points) -> NDArray[np.float64]:
        """Distance from each query to the nearest point, float64 (M,); inf if there is no point."""
        if len(self.points) == 0:
            return np.full(len(queries), math.inf)
        distances: NDArray[np.float64] = np.sqrt(
            _squared_distances(*self._guessed(queries), self.points, self._boxes, self.spacing_mm)
        )
        return distances

    def greatest_distance_mm(self, queries: Points) -> float:
        """The greatest of the `distances_mm`, far faster than all of them; 0 without queries."""
        if len(self.points) == 0:
            return math.inf if len(queries) else 0.0
        guessed = self._guessed(queries)
        return math.sqrt(_greatest_squared_distance(*guessed, self.points, self._boxes, self.spacing_mm))

    def within(self, queries: Points, limit_mm: float) -> NDArray[np.bool_]:
        """Whether each query has a point at most `limit_mm` away, bool (M,).

        A distance that exceeds the limit by less than 1e-9 of it counts as within: three steps of 0.1 mm are 0.3 mm.
        """
        if len(self.points) == 0:
            return np.zeros(len(queries), dtype=bool)
        limit = limit_mm * limit_mm * (1 + TIE)
        within: NDArray[np.bool_] = _within_squared_distance(
            *self._guessed(queries), self.points, self._boxes, self.spacing_mm, limit
        )
        return within

    def _guessed(self, queries: Points) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Queries in 3D, and beside each a point that is near it on the curve: itself, if it is one of the points."""
        in_space = in_3d(queries)
        guesses = np.searchsorted(self._codes, morton_codes(in_space))
        return in_space, np.minimum(guesses, len(self._codes) - 1)


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


@compiled()
def _better_guess(
    points: np.ndarray,
    voxel: tuple[int, int, int],
    spacing: tuple[float, float, float],
    guess: int,
    last: int,
) -> int:
    """The nearer of two points."""
    z, y, x = voxel
    if points[guess, 0] == z and points[guess, 1] == y and points[guess, 2] == x:
        return guess
    by_guess = squared_length(points[guess, 0] - z, points[guess, 1] - y, points[guess, 2] - x, spacing)
    by_last = squared_length(points[last, 0] - z, points[last, 1] - y, points[last, 2] - x, spacing)
    return guess if by_guess < by_last else last


@compiled()
def _squared_distances(
    queries: np.ndarray, guesses: np.ndarray, points: np.ndarray, boxes: np.ndarray, spacing: tuple[float, float, float]
) -> np.ndarray:
    """Squared distance from every query (N, 3) to the nearest point.

    guesses: int64 (N,), a point near to each query; the point itself where the query is one.
    """
    squared = np.empty(queries.shape[0])
    last = 0
    for i in range(queries.shape[0]):
        voxel = (queries[i, 0], queries[i, 1], queries[i, 2])
        guess = _better_guess(points, voxel, spacing, guesses[i], last)
        last, squared[i] = nearest_point(points, boxes, voxel, spacing, guess)
    return squared


@compiled()
def _greatest_squared_distance(
    queries: np.ndarray, guesses: np.ndarray, points: np.ndarray, boxes: np.ndarray, spacing: tuple[float, float, float]
) -> float:
    """The greatest of the `_squared_distances`, 0 without a query; most need not be computed to the end.

    A query with any point nearer than the greatest distance so far is done with (Taha & Hanbury 2015).
    """
    greatest = 0.0
    last = 0
    for i in range(queries.shape[0]):
        voxel = (queries[i, 0], queries[i, 1], queries[i, 2])
        guess = _better_guess(points, voxel, spacing, guesses[i], last)
        last, squared = nearest_point(points, boxes, voxel, spacing, guess, greatest)
        greatest = max(greatest, squared)
    return greatest


@compiled()
def _within_squared_distance(
    queries: np.ndarray,
    guesses: np.ndarray,
    points: np.ndarray,
    boxes: np.ndarray,
    spacing: tuple[float, float, float],
    limit: float,
) -> np.ndarray:
    """Whether each query (N, 3) has a point within a squared distance."""
    within = np.empty(queries.shape[0], dtype=np.bool_)
    last = 0
    for i in range(queries.shape[0]):
        voxel = (queries[i, 0], queries[i, 1], queries[i, 2])
        guess = _better_guess(points, voxel, spacing, guesses[i], last)
        last, squared = nearest_point(points, boxes, voxel, spacing, guess, limit)
        within[i] = squared <= limit
    return within
