"""The skeleton as a graph in millimetres: curves along the branches, and nodes where they meet or end."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ramify.vessels.branches import CLOSED, FREE, BranchGraph, FloatArray, IntArray, cluster_centres
from ramify.vessels.curve_smoothing import led_to_tips, smooth_curves


@dataclass(frozen=True, eq=False)
class CentrelineGraph:
    """Curves between nodes, in mm from the centre of the volume's first voxel.

    Attributes:
        points_mm: float (M, ndim), the curves' points, one after the other.
        voxels: int (M, ndim), the skeleton voxel that each point comes from; at a junction the one in its middle.
        starts: int (n + 1,), curve j runs through `points_mm[starts[j]:starts[j + 1]]`; a loop ends where it starts.
        ends: int (n, 2), node at the start and at the end of each curve, -1 for a loop without a junction.
        nodes_mm: float (K, ndim).
        degrees: int (K,), how many curves end at each node (one that returns to its node counts twice): 0 for a vessel
            thinned to a point, 1 for an end point, 3 or more for a junction.
        branches: int (n,), number of the branch that each curve runs along, from 1: where the graph is that of a
            decomposition, as in its `branches`.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import centreline_graph, trace_branches
        >>> line = np.zeros((3, 5), bool)
        >>> line[1, 1:4] = True
        >>> graph = centreline_graph(trace_branches(line), spacing_mm=(1.0, 2.0))
        >>> graph.points_mm.tolist(), graph.length_mm
        ([[1.0, 2.0], [1.0, 4.0], [1.0, 6.0]], 4.0)
    """

    points_mm: FloatArray
    voxels: IntArray
    starts: IntArray
    ends: IntArray
    nodes_mm: FloatArray
    degrees: IntArray
    branches: IntArray

    @property
    def n_curves(self) -> int:
        return len(self.starts) - 1

    def within(self, extent: Sequence[slice], spacing_mm: Sequence[float]) -> "CentrelineGraph":
        """The graph with what lies beyond a volume's outer voxels brought to their faces: there a vessel ends for us.

        extent, spacing_mm: the volume's voxels along each axis, counted as those of the graph, and their size.
        """
        spacing = np.array(spacing_mm)
        low, high = ((np.array([getattr(side, end) for side in extent]) - 0.5) * spacing for end in ("start", "stop"))
        return replace(self, points_mm=np.clip(self.points_mm, low, high), nodes_mm=np.clip(self.nodes_mm, low, high))

    @cached_property
    def steps_mm(self) -> FloatArray:
        """Length from each point to the next, float (M,); 0 at the last point of a curve."""
        steps = np.zeros(len(self.points_mm))
        steps[:-1] = np.linalg.norm(np.diff(self.points_mm, axis=0), axis=1)
        steps[self.starts[1:] - 1] = 0.0
        return steps

    @cached_property
    def shares_mm(self) -> FloatArray:
        """Length that each point stands for, half the way to its neighbours, float (M,); their sum is `length_mm`."""
        shares: FloatArray = (self.steps_mm + np.append(0.0, self.steps_mm[:-1])) / 2
        return shares

    @property
    def length_mm(self) -> float:
        """Length of all curves."""
        return float(self.steps_mm.sum())

    def points_at(self, shares: FloatArray) -> FloatArray:
        """Points that lie at some shares of the length of all curves, laid one after the other.

        Curves without length get none, unless all are: then each of their points gets its share.

        Args:
            shares: float (N,), 0 to 1; the graph has at least one point.

        Returns:
            float (N, ndim), mm.
        """
        reach = np.cumsum(self.steps_mm)
        if reach[-1] == 0:
            return self.points_mm[np.minimum((shares * len(reach)).astype(np.int64), len(reach) - 1)]
        wanted = shares * reach[-1]
        last = np.flatnonzero(self.steps_mm)[-1]
        step = np.minimum(np.searchsorted(reach, wanted, side="right"), last)
        length = self.steps_mm[step]
        along = np.clip((wanted - (reach[step] - length)) / length, 0.0, 1.0)
        start = self.points_mm[step]
        points: FloatArray = start + along[:, None] * (self.points_mm[step + 1] - start)
        return points

    @property
    def bifurcations_mm(self) -> FloatArray:
        """Nodes where three or more curves meet, float (B, ndim)."""
        return self.nodes_mm[self.degrees >= 3]

    @property
    def endpoints_mm(self) -> FloatArray:
        """Nodes where a vessel ends, float (E, ndim)."""
        ends: FloatArray = self.nodes_mm[self.degrees == 1]
        return ends


def centreline_graph(
    graph: BranchGraph, spacing_mm: Sequence[float], depth_mm: FloatArray | None = None
) -> CentrelineGraph:
    """Turn branches of voxels into curves in mm that meet in the middle of their junctions.

    A curve is freed of the staircase that voxels make (`vessels.curve_smoothing`). A junction's node is the centroid
    of its voxels. A single voxel both of whose neighbours belong to one junction is a bump of it, not a loop; a
    junction with nothing but bumps is a point.

    Args:
        graph: branches of a skeleton.
        spacing_mm: voxel size along each axis, mm.
        depth_mm: float (N,), distance to the vessel's wall at each skeleton voxel, by which thick vessels are smoothed
            more than thin ones, so that lengths do not hang on the grid; None: all alike, by one point.

    Returns:
        an empty graph for an empty one. Nothing in it depends on the direction of the axes.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import centreline_graph, trace_branches
        >>> skeleton = np.zeros((7, 9), bool)
        >>> skeleton[1, 1:8] = True
        >>> skeleton[2:6, 4] = True  # a T: three branches
        >>> graph = centreline_graph(trace_branches(skeleton), spacing_mm=(1.0, 1.0))
        >>> graph.n_curves, len(graph.bifurcations_mm), len(graph.endpoints_mm)
        (3, 1, 3)
    """
    kept, ends, points_only, clusters = _without_bumps(graph)
    size = np.diff(graph.starts)[kept]
    joined, closed = ends >= 0, ends[:, 0] == CLOSED
    starts = np.append(0, np.cumsum(joined[:, 0] + size + (joined[:, 1] | closed)))
    first, last = starts[:-1], starts[1:] - 1
    centre = cluster_centres(graph)

    voxel = np.empty(starts[-1], dtype=np.int64)
    along = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    voxel[np.repeat(first + joined[:, 0], size) + along] = graph.order[np.repeat(graph.starts[kept], size) + along]
    voxel[last[closed]] = voxel[first[closed]]
    voxel[first[points_only]] = centre[clusters]
    for side, position in ((0, first), (1, last)):
        voxel[position[joined[:, side]]] = centre[ends[joined[:, side], side]]
    points = graph.voxels[voxel].astype(np.float64)
    at_junction = graph.cluster[voxel] >= 0
    points[at_junction] = _centroids(graph)[graph.cluster[voxel[at_junction]]]
    points *= np.asarray(spacing_mm, dtype=np.float64)
    smooth_curves(points, starts, closed, None if depth_mm is None else depth_mm[voxel])
    if depth_mm is not None:
        tips = (ends == FREE) & (size > 1)[:, None]
        points, voxel, starts = led_to_tips(points, voxel, starts, tips, depth_mm, spacing_mm)
        first, last = starts[:-1], starts[1:] - 1

    numbers, degrees = _number_nodes(ends, size)
    nodes = np.empty((len(degrees), points.shape[1]))
    for side, position in ((0, first), (1, last)):
        nodes[numbers[~closed, side]] = points[position[~closed]]
    return CentrelineGraph(points, graph.voxels[voxel], starts, numbers, nodes, degrees, kept + 1)


def _without_bumps(graph: BranchGraph) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """The branches that are curves and their ends; which of them stand for a junction with bumps alone, and for which.

    Such a junction is a component of its own, which must not vanish: its first bump is kept as a vessel of one point.
    """
    bump = (np.diff(graph.starts) == 1) & (graph.ends[:, 0] >= 0) & (graph.ends[:, 0] == graph.ends[:, 1])
    clusters, firsts = np.unique(graph.ends[bump, 0], return_index=True)
    alone = ~np.isin(clusters, graph.ends[~bump])
    stand_ins = np.flatnonzero(bump)[firsts[alone]]
    bump[stand_ins] = False
    kept = np.flatnonzero(~bump)
    ends, points_only = graph.ends[kept], np.searchsorted(kept, stand_ins)
    ends[points_only] = FREE
    return kept, ends, points_only, clusters[alone]


def _centroids(graph: BranchGraph) -> FloatArray:
    """Mean position of each junction cluster's voxels, float (n_clusters, ndim), in voxels."""
    members = np.flatnonzero(graph.cluster >= 0)
    which = graph.cluster[members]
    total = np.stack([np.bincount(which, weights=axis) for axis in graph.voxels[members].T], axis=1)
    return total / np.bincount(which)[:, None]


def _number_nodes(ends: IntArray, size: IntArray) -> tuple[IntArray, IntArray]:
    """Number junctions, then free ends; return the nodes at the curves' ends and the degree of each node."""
    numbers = np.full(ends.shape, -1, dtype=np.int64)
    joined, free = ends >= 0, ends == FREE
    clusters, numbers[joined] = np.unique(ends[joined], return_inverse=True)
    numbers[free] = len(clusters) + np.arange(np.count_nonzero(free))
    # A vessel thinned to a point is one node, not two ends.
    point = free.all(axis=1) & (size == 1)
    numbers[point, 1] = numbers[point, 0]
    used, renumbered = np.unique(numbers[numbers >= 0], return_inverse=True)
    numbers[numbers >= 0] = renumbered
    degrees = np.bincount(renumbered, minlength=len(used)).astype(np.int64)
    degrees[numbers[point, 0]] = 0
    return numbers, degrees
