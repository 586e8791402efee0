"""The balls that fit into a vessel around the voxels of its skeleton, and how far something lies outside them."""

from collections.abc import Sequence

import numpy as np

from ramify.compilation import compiled
from ramify.vessels.branches import FloatArray, IntArray
from ramify.vessels.nearest_kernels import LEAF, fill_boxes, morton_codes, n_nodes, squared_length, squared_to_box
from ramify.vessels.point_index import in_3d, spacing_in_3d

GONE = -1
"""The label of a ball that counts no more."""


class Balls:
    """Balls around voxels, each with a label that may change, to be asked how far a point lies outside them.

    Args:
        voxels: int (N, ndim), their centres.
        radii_mm: float (N,).
        labels: int (N,), >= 0.
        spacing_mm: voxel size along each axis, mm.
    """

    def __init__(self, voxels: IntArray, radii_mm: FloatArray, labels: IntArray, spacing_mm: Sequence[float]) -> None:
        self.spacing_mm = spacing_in_3d(spacing_mm, voxels.shape[1])
        unsorted = in_3d(voxels)
        self.order = np.argsort(morton_codes(unsorted), kind="stable")
        self.place = np.empty_like(self.order)
        self.place[self.order] = np.arange(len(self.order))
        self.points, self.radii_mm = unsorted[self.order], radii_mm[self.order]
        self.labels = labels[self.order]
        self._boxes = np.empty((n_nodes(len(self.points)), 6), dtype=np.int32)
        fill_boxes(self.points, self._boxes)
        self._widest = _widest(self.radii_mm, len(self._boxes))

    def relabel(self, balls: IntArray, label: int) -> None:
        """Give some balls, by their numbers, another label."""
        self.labels[self.place[balls]] = label

    def rename(self, label: int, other: int) -> None:
        """Give all balls of a label another one."""
        self.labels[self.labels == label] = other

    def outside_others(self, balls: IntArray, label: int) -> tuple[FloatArray, IntArray]:
        """How far the centres of some balls, by number, lie outside all balls of other labels, and outside which.

        Returns:
            float (K,), mm, distance to the centre less the radius, of the ball for which that is least: negative
            inside, inf where there is no other; and the number of that ball, int (K,), -1 for none.
        """
        queries = self.points[self.place[balls]]
        least, which = _least_outside(
            queries, label, self.points, self.radii_mm, self.labels, self._boxes, self._widest, self.spacing_mm
        )
        return least, np.where(which >= 0, self.order[which], -1)


@compiled()
def _widest(radii: np.ndarray, n_nodes: int) -> np.ndarray:
    """The greatest radius within each node of the tree over the points, float (n_nodes,)."""
    widest = np.zeros(n_nodes)
    first_leaf = n_nodes // 2
    for i in range(radii.size):
        leaf = first_leaf + i // LEAF
        widest[leaf] = max(widest[leaf], radii[i])
    for node in range(first_leaf - 1, -1, -1):
        widest[node] = max(widest[2 * node + 1], widest[2 * node + 2])
    return widest


@compiled()
def _least_outside(
    queries: np.ndarray,
    own: int,
    points: np.ndarray,
    radii: np.ndarray,
    labels: np.ndarray,
    boxes: np.ndarray,
    widest: np.ndarray,
    spacing: tuple[float, float, float],
) -> tuple[np.ndarray, np.ndarray]:
    least, which = np.full(queries.shape[0], np.inf), np.full(queries.shape[0], -1)
    first_leaf = boxes.shape[0] // 2
    stack = np.empty(64, dtype=np.int64)
    for q in range(queries.shape[0]):
        z, y, x = queries[q]
        stack[0] = 0
        height = 1
        while height:
            height -= 1
            node = stack[height]
            if np.sqrt(squared_to_box(boxes, node, z, y, x, spacing)) - widest[node] >= least[q]:
                continue
            if node < first_leaf:
                near, far = 2 * node + 1, 2 * node + 2
                if squared_to_box(boxes, far, z, y, x, spacing) < squared_to_box(boxes, near, z, y, x, spacing):
                    near, far = far, near
                stack[height], stack[height + 1] = far, near
                height += 2
                continue
            start = (node - first_leaf) * LEAF
            for i in range(start, min(start + LEAF, points.shape[0])):
                if labels[i] == own or labels[i] == GONE:
                    continue
                squared = squared_length(points[i, 0] - z, points[i, 1] - y, points[i, 2] - x, spacing)
                outside = np.sqrt(squared) - radii[i]
                if outside < least[q]:
                    least[q], which[q] = outside, i
    return least, which
