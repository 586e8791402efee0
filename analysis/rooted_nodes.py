"""The nodes of rooted trees: each has one branch that leads to it, so that a contact which was cut is two nodes."""

from dataclasses import dataclass

import numpy as np

from ramify.analysis.branch_curves import BranchCurves
from ramify.analysis.growth import Growth
from ramify.vessels.branches import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class RootedNodes:
    """Nodes of trees.

    points_mm: float (K, ndim). starts, ends: int (n,), node where each branch begins and ends, seen from its root.
    incoming: int (K,), the branch that leads to each node; -1 at a root, and where a branch begins beyond a gap.
    outgoing: the branches that begin at each node.
    """

    points_mm: FloatArray
    starts: IntArray
    ends: IntArray
    incoming: IntArray
    outgoing: list[list[int]]

    def degrees(self, lengths_mm: FloatArray) -> IntArray:
        """How many ends of branches are at each node, int (K,); of `lengths_mm`, float (n,), those of 0 have none."""
        long = lengths_mm > 0
        ends = np.concatenate([self.starts[long], self.ends[long]])
        return np.bincount(ends, minlength=len(self.points_mm)).astype(np.int64)


def nodes_of(paths: BranchCurves, growth: Growth, keep_cycles: bool) -> RootedNodes:
    """The nodes of grown trees; with `keep_cycles` a branch that meets another vessel ends at that one's node."""
    n = paths.n_branches
    starts, ends = np.full(n, -1, dtype=np.int64), np.full(n, -1, dtype=np.int64)
    points: list[FloatArray] = []
    incoming: list[int] = []
    at_start: dict[tuple[int, int], int] = {}
    first_at: dict[int, int] = {}
    cuts = {*growth.cuts.tolist()}

    def new(node: int, branch: int) -> int:
        points.append(paths.nodes_mm[node])
        incoming.append(branch)
        return len(points) - 1

    for branch in growth.order.tolist():
        parent, near = int(growth.parents[branch]), int(growth.near[branch])
        begin, end = int(paths.ends[branch, near]), int(paths.ends[branch, 1 - near])
        if parent >= 0 and growth.gaps_mm[branch] == 0 and ends[parent] >= 0:
            starts[branch] = ends[parent]
        else:
            key = (begin, parent)
            if key not in at_start:
                at_start[key] = new(begin, -1)
            starts[branch] = at_start[key]
            if parent < 0:
                first_at.setdefault(begin, at_start[key])
        if paths.lengths_mm[branch] == 0:
            ends[branch] = starts[branch]
        else:
            ends[branch] = new(end, branch)
            if branch not in cuts:
                first_at.setdefault(end, int(ends[branch]))
    if keep_cycles and cuts:
        met = {branch: first_at.get(int(paths.ends[branch, 1 - growth.near[branch]])) for branch in cuts}
        return _with_cycles(points, incoming, starts, ends, met)
    return _made(points, incoming, starts, ends)


def _with_cycles(
    points: list[FloatArray],
    incoming: list[int],
    starts: IntArray,
    ends: IntArray,
    met: dict[int, int | None],
) -> RootedNodes:
    """Nodes where the ends of cycles, by branch, are one with the nodes that they came to."""
    same = np.arange(len(points))
    for branch, node in met.items():
        same[ends[branch]] = ends[branch] if node is None else node
    used, renumbered = np.unique(same, return_inverse=True)
    ends_there, starts_there = renumbered[ends].astype(np.int64), renumbered[starts].astype(np.int64)
    return _made([points[one] for one in used], [incoming[one] for one in used], starts_there, ends_there)


def _made(points: list[FloatArray], incoming: list[int], starts: IntArray, ends: IntArray) -> RootedNodes:
    outgoing: list[list[int]] = [[] for _ in points]
    for branch, node in enumerate(starts.tolist()):
        outgoing[node].append(branch)
    return RootedNodes(np.array(points), starts, ends, np.array(incoming, dtype=np.int64), outgoing)
