"""What is measured along the branches of a tree: their smoothed centrelines, point by point."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ramify.vessels.branches import CLOSED, BranchGraph, FloatArray, IntArray, cluster_centres, without_float_noise
from ramify.vessels.wall import Wall

# Rounds of smoothing along a centreline: a standard deviation of two voxels.
_ROUNDS = 8


@dataclass(frozen=True, eq=False)
class Course:
    """What is known at each position of each branch, in the order of the paths, float (M,) in mm.

    line: the point itself, float (M, ndim).
    share: the piece of centreline that belongs to the position.
    depth: distance to the wall.
    clearance: how far the position is from what the branch's ends disturb; negative within that.
    """

    line: FloatArray
    share: FloatArray
    depth: FloatArray
    clearance: FloatArray

    def clear_lengths(self, graph: BranchGraph) -> FloatArray:
        """Length of each branch that its ends do not disturb, float (n_branches,), mm."""
        return sums_of_branches(graph, np.where(self.clearance >= 0, self.share, 0.0))

    def clear_positions(self, graph: BranchGraph) -> IntArray:
        """Number of positions of each branch that its ends do not disturb, int (n_branches,)."""
        return np.add.reduceat((self.clearance >= 0).astype(np.int64), graph.starts[:-1])

    def spread(self, graph: BranchGraph, values: FloatArray, rounds: int) -> FloatArray:
        """Spread values of positions, float (M,), along their branches by (1 2 1) / 4; none leaves its branch."""
        before, after = np.arange(len(values)) - 1, np.arange(len(values)) + 1
        before[graph.starts[:-1]] += 1
        after[graph.starts[1:] - 1] -= 1
        for _ in range(rounds):
            values = (values[before] + 2 * values + values[after]) / 4
        return values


def sums_of_branches(graph: BranchGraph, values: FloatArray) -> FloatArray:
    """Sum values of positions, float (M,), over each branch, float (n_branches,)."""
    return np.bincount(graph.branch_of_position(), values, minlength=graph.n_branches).astype(np.float64)


def measure_course(graph: BranchGraph, wall: Wall) -> Course:
    """Measure along the centrelines.

    What an end disturbs: at a junction all within its ball, where the thicker vessel is; at a free end a radius, the
    part where the vessel closes.

    Args:
        graph: branches of the mask's skeleton.
        wall: the mask's wall.
    """
    line = centrelines(graph, wall.spacing_mm)
    first = graph.starts[:-1]
    step = np.append(0.0, np.linalg.norm(np.diff(line, axis=0), axis=1))
    step[first] = 0.0
    share = (step + np.append(step[1:], 0.0)) / 2
    depth = wall.distance_mm(line)
    return Course(line, share, depth, _clearance(graph, wall, line, step, depth))


def _clearance(graph: BranchGraph, wall: Wall, line: FloatArray, step: FloatArray, depth: FloatArray) -> FloatArray:
    """How far each position is from what the ends of its branch disturb, float (M,), mm."""
    spacing = np.array(wall.spacing_mm)
    branch = graph.branch_of_position()
    reach = np.cumsum(step)
    centre, radius = cluster_centres(graph), _junction_radii(graph, wall)
    clearance = np.full(len(line), np.inf)

    for side, position in ((0, graph.starts[:-1]), (1, graph.starts[1:] - 1)):
        end = graph.ends[:, side]
        disturbed = depth[position].copy()
        joined = np.flatnonzero(end >= 0)
        gap = np.linalg.norm(graph.voxels[centre[end[joined]]] * spacing - line[position[joined]], axis=1)
        disturbed[joined] = radius[end[joined]] - gap
        disturbed[end == CLOSED] = -np.inf
        clearance = np.minimum(clearance, np.abs(reach - reach[position][branch]) - disturbed[branch])
    return without_float_noise(clearance, wall.spacing_mm)


def _junction_radii(graph: BranchGraph, wall: Wall) -> FloatArray:
    """Largest distance to the wall within each junction cluster, float (n_clusters,), mm."""
    inside = np.flatnonzero(graph.cluster >= 0)
    radius = np.zeros(int(graph.cluster.max(initial=-1)) + 1)
    points_mm = graph.voxels[inside] * np.array(wall.spacing_mm)
    np.maximum.at(radius, graph.cluster[inside], wall.distance_mm(points_mm))
    return radius


def centrelines(graph: BranchGraph, spacing_mm: Sequence[float]) -> FloatArray:
    """Return the branches' paths in mm, float (M, ndim), freed of the staircase that voxels make.

    Each point is averaged with its neighbours along the path, (1 2 1) / 4, eight times over; the ends stay.
    """
    points: FloatArray = graph.voxels[graph.order].astype(np.float64) * np.asarray(spacing_mm, dtype=np.float64)
    inner = np.ones(len(points), dtype=bool)
    inner[graph.starts[:-1]] = inner[graph.starts[1:] - 1] = False
    at = np.flatnonzero(inner)
    for _ in range(_ROUNDS):
        points[at] = (points[at - 1] + 2 * points[at] + points[at + 1]) / 4
    return points
