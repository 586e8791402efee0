"""Which of some ranked lattice points is nearest: of several equally near the first in rank, however the axes run."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ramify.compilation import compiled
from ramify.vessels.nearest_kernels import LEAF, TIE, fill_boxes, morton_codes, n_nodes, squared_length, squared_to_box
from ramify.vessels.point_index import Points, in_3d, spacing_in_3d


def nearest_by_rank(
    queries: Points, points: Points, ranks: NDArray[np.integer], spacing_mm: Sequence[float]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The nearest point to each query, of those equally near up to 1e-9 the one of the lowest rank.

    Args:
        queries: integer (M, ndim), answered fastest if neighbours follow each other.
        points: integer (N, ndim) >= 0, at least one.
        ranks: integer (N,); among points of one rank the choice is free.
        spacing_mm: distance of neighbouring grid points along each axis, mm.

    Returns:
        index of the point, int64 (M,), and its distance in mm, float64 (M,).
    """
    in_space = in_3d(points)
    order = np.argsort(morton_codes(in_space), kind="stable")
    members = in_space[order]
    boxes = np.empty((n_nodes(len(members)), 6), dtype=np.int32)
    fill_boxes(members, boxes)
    spacing = spacing_in_3d(spacing_mm, points.shape[1])
    found, squared = np.empty(len(queries), dtype=np.int64), np.empty(len(queries))
    asked = in_3d(queries)
    along = np.argsort(morton_codes(asked))
    found[along], squared[along] = _nearest_by_rank(asked[along], members, ranks[order], boxes, spacing)
    return order[found], np.sqrt(squared)


@compiled(nogil=True)
def _nearest_by_rank(
    queries: np.ndarray, points: np.ndarray, ranks: np.ndarray, boxes: np.ndarray, spacing: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    found, distances = np.empty(queries.shape[0], dtype=np.int64), np.empty(queries.shape[0])
    stack, stacked = np.empty(64, dtype=np.int64), np.empty(64)
    first_leaf = boxes.shape[0] // 2
    best = 0
    for query in range(queries.shape[0]):
        z, y, x = queries[query, 0], queries[query, 1], queries[query, 2]
        least = squared_length(points[best, 0] - z, points[best, 1] - y, points[best, 2] - x, spacing)
        stack[0], stacked[0] = 0, 0.0
        height = 1
        while height:
            height -= 1
            node = stack[height]
            if stacked[height] > least * (1 + TIE):
                continue
            if node < first_leaf:
                near, far = 2 * node + 1, 2 * node + 2
                near_squared, far_squared = (
                    squared_to_box(boxes, near, z, y, x, spacing),
                    squared_to_box(boxes, far, z, y, x, spacing),
                )
                if far_squared < near_squared:
                    near, far, near_squared, far_squared = far, near, far_squared, near_squared
                stack[height], stacked[height] = far, far_squared
                stack[height + 1], stacked[height + 1] = near, near_squared
                height += 2
                continue
            for i in range((node - first_leaf) * LEAF, min((node - first_leaf + 1) * LEAF, points.shape[0])):
                squared = squared_length(points[i, 0] - z, points[i, 1] - y, points[i, 2] - x, spacing)
                # Distances on a lattice are equal up to rounding or clearly not.
                if squared * (1 + TIE) < least or (squared <= least * (1 + TIE) and ranks[i] < ranks[best]):
                    best, least = i, squared
        found[query], distances[query] = best, least
    return found, distances
