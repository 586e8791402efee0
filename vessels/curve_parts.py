"""The part of a graph of curves that lies in a region."""

import numpy as np

from ramify.vessels.branches import BoolArray, IntArray
from ramify.vessels.curve_graph import CentrelineGraph

# The degree of a node where a vessel leaves the region: it comes from one side and goes on to the other.
_PASSING = 2


def part_inside(graph: CentrelineGraph, inside: BoolArray) -> tuple[CentrelineGraph, IntArray]:
    """Cut a graph to those of its points that lie in a region.

    Each run of points along a curve that lie inside is a curve. A node of the graph keeps its degree, however many of
    its curves leave the region at once; where a curve is cut is a node of degree 2, which neither ends nor branches.

    Args:
        graph: curves and nodes.
        inside: bool (M,), for each of its points whether it lies in the region.

    Returns:
        the part, and the points that it has as indices into those of `graph`, int.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import centreline_graph, part_inside, trace_branches
        >>> line = np.zeros((3, 9), bool)
        >>> line[1, 1:8] = True
        >>> whole = centreline_graph(trace_branches(line), spacing_mm=(1.0, 1.0))
        >>> part, kept = part_inside(whole, whole.voxels[:, 1] < 5)
        >>> part.length_mm, len(whole.endpoints_mm), len(part.endpoints_mm), part.degrees.tolist()
        (3.0, 2, 1, [1, 2])
    """
    kept = np.flatnonzero(inside)
    curve = np.repeat(np.arange(graph.n_curves), np.diff(graph.starts))[kept]
    begins = np.ones(len(kept), dtype=bool)
    begins[1:] = (np.diff(kept) > 1) | (np.diff(curve) > 0)
    first = np.flatnonzero(begins)
    starts = np.append(first, len(kept))
    last = starts[1:] - 1
    of_curve = curve[first]

    # A run that reaches an end of its curve ends there as the curve does; a whole loop has no ends.
    at_ends = np.stack([kept[first] == graph.starts[of_curve], kept[last] == graph.starts[of_curve + 1] - 1], axis=1)
    loop = (graph.ends[of_curve, 0] < 0)[:, None]
    ends = np.where(at_ends & ~loop, graph.ends[of_curve], -1)
    cut = np.where(loop, ~at_ends.all(axis=1, keepdims=True), ~at_ends)
    return _renumbered(graph, kept, starts, ends, cut, graph.branches[of_curve]), kept


def _renumbered(
    graph: CentrelineGraph, kept: IntArray, starts: IntArray, ends: IntArray, cut: BoolArray, branches: IntArray
) -> CentrelineGraph:
    """The part as a graph: nodes that are left, numbered anew, and behind them those where curves are cut."""
    used = np.unique(ends[ends >= 0])
    renumbered = np.full(len(graph.nodes_mm) + 1, -1, dtype=np.int64)
    renumbered[used] = np.arange(len(used))
    ends = renumbered[ends]
    # A cut curve of a single point is one node, not two.
    cut[:, 1] &= ~(cut[:, 0] & (np.diff(starts) == 1))
    ends[cut] = len(used) + np.arange(np.count_nonzero(cut))
    alone = (ends[:, 1] < 0) & (ends[:, 0] >= 0)
    ends[alone, 1] = ends[alone, 0]
    points = graph.points_mm[kept]
    at = np.stack([starts[:-1], starts[1:] - 1], axis=1)[cut]
    return CentrelineGraph(
        points,
        graph.voxels[kept],
        starts,
        ends,
        np.concatenate([graph.nodes_mm[used], points[at]]),
        np.concatenate([graph.degrees[used], np.full(len(at), _PASSING, dtype=np.int64)]),
        branches,
    )
