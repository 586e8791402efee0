"""Trees grown from their roots over the branches of a graph, each branch from the parent that it fits best.

Prim's algorithm: of all branches that touch what has grown so far, the one that goes on best is next. So the worst fit
on the way from a root to a branch is as small as can be, and what is left over where vessels only touch (a cycle) is
cut there, and not somewhere in a vessel. From the roots of two systems at once, it takes them apart.
"""

import heapq
import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ramify.analysis.branch_curves import BranchCurves
from ramify.vessels.branches import FloatArray, IntArray

# What it costs that a vessel gets thicker, by its logarithm, beside a turn by 180 degrees, which costs 1.
_THICKER = 2.0
# What it costs to go on across a piece in which two vessels run as one.
_ACROSS = 0.1


@dataclass(frozen=True)
class Root:
    """Where a tree begins.

    node: of the graph. system: number of the system that it is the root of, from 0.
    parent: the branch that feeds it across a gap, -1 for none; gap_mm: how wide that is.
    beside: the branch whose system it is of, -1 where `system` says it.
    """

    node: int
    system: int = 0
    parent: int = -1
    gap_mm: float = 0.0
    beside: int = -1


@dataclass(frozen=True, eq=False)
class Growth:
    """Every branch with its parent, in the graph's numbers.

    parents: int (n,), -1 at a root. near: int (n,), 0 or 1: the side of each branch that is nearer to its root.
    system: int (n,). order: int (n,), the branches, each after its parent. gaps_mm: float (n,), to the parent.
    cuts: int (C,), branches whose far end met a vessel that had grown already, where a cycle is cut.
    """

    parents: IntArray
    near: IntArray
    system: IntArray
    order: IntArray
    gaps_mm: FloatArray
    cuts: IntArray

    def children(self) -> list[list[int]]:
        """The children of each branch."""
        found: list[list[int]] = [[] for _ in self.parents]
        for branch in self.order.tolist():
            if self.parents[branch] >= 0:
                found[self.parents[branch]].append(branch)
        return found


def misfit(paths: BranchCurves, parent: int, side: int, child: int, child_side: int) -> float:
    """How badly a branch goes on as another one, 0 at best: by (1 - cos of the turn) / 2, and by ln of the calibres
    where the other one is thicker.

    side, child_side: their ends that meet.
    """
    turn = -float(np.dot(paths.headings[parent, side], paths.headings[child, child_side]))
    growth = float(np.log(paths.end_radii_mm[child, child_side] / paths.end_radii_mm[parent, side]))
    return (1 - turn) / 2 + _THICKER * max(0.0, growth)


def grow(paths: BranchCurves, roots: Sequence[Root]) -> Growth:
    """Grow trees from roots, one at least in every connected part of the graph.

    Branches at a root's node are its own, and fit perfectly.
    """
    return _Growing(paths).run(roots)


class _Growing:
    """The state while trees grow."""

    def __init__(self, paths: BranchCurves) -> None:
        self.paths = paths
        n = paths.n_branches
        self.parents, self.near, self.system = (np.full(n, -1, dtype=np.int64) for _ in range(3))
        self.gaps = np.zeros(n)
        self.order: list[int] = []
        self.cuts: list[int] = []
        self.beside: dict[int, int] = {}
        self.reached = np.zeros(len(paths.nodes_mm), dtype=bool)
        self.waiting: list[tuple[float, int, int, int, int, int, float]] = []
        self.count = itertools.count()

    def run(self, roots: Sequence[Root]) -> Growth:
        for root in roots:
            self.reached[root.node] = True
            for branch in set(self.paths.at_node[root.node]):
                side = 0 if self.paths.ends[branch, 0] == root.node else 1
                self._offer(-1.0, root.parent, branch, side, root.system, root.gap_mm if root.parent >= 0 else 0.0)
                if root.beside >= 0:
                    self.beside[branch] = root.beside
        while self.waiting:
            _, _, parent, branch, side, system, gap = heapq.heappop(self.waiting)
            if self.near[branch] < 0:
                self._take(parent, branch, side, system, gap)
        order = self._from_roots_outwards()
        for branch in order.tolist():
            # Pieces are of the system of a larger one, which may have come later.
            like = self.parents[branch] if self.parents[branch] >= 0 else self.beside.get(branch, -1)
            if like >= 0:
                self.system[branch] = self.system[like]
        return Growth(self.parents, self.near, self.system, order, self.gaps, np.array(self.cuts, dtype=np.int64))

    def _from_roots_outwards(self) -> IntArray:
        """The branches as they were taken, but each after its parent, and after the one that its piece lies beside."""
        before = {branch: int(self.parents[branch]) for branch in self.order}
        before |= {branch: other for branch, other in self.beside.items() if before[branch] < 0}
        following: dict[int, list[int]] = {}
        for branch in self.order:
            following.setdefault(before[branch], []).append(branch)
        found: list[int] = []
        waiting = deque(following.get(-1, []))
        while waiting:
            branch = waiting.popleft()
            found.append(branch)
            waiting.extend(following.get(branch, []))
        return np.array(found, dtype=np.int64)

    def _offer(self, cost: float, parent: int, branch: int, side: int, system: int, gap: float = 0.0) -> None:
        heapq.heappush(self.waiting, (cost, next(self.count), parent, branch, side, system, gap))

    def _take(self, parent: int, branch: int, side: int, system: int, gap: float) -> None:
        self.parents[branch], self.near[branch], self.system[branch] = parent, side, system
        self.gaps[branch] = gap
        self.order.append(branch)
        far = 1 - side
        node = int(self.paths.ends[branch, far])
        met = bool(self.reached[node])
        if met and self.paths.lengths_mm[branch] > 0:
            self.cuts.append(branch)
        self.reached[node] = True
        self._offer_at(node, branch, far, system)
        if met:
            for link in self.paths.at_node[node]:
                if link != branch and self.near[link] >= 0 and self.paths.is_short[link]:
                    start, end = self.paths.ends[link].tolist()
                    self._offer_at(end if start == node else start, branch, far, system, _ACROSS)

    def _offer_at(self, node: int, parent: int, side: int, system: int, extra: float = 0.0) -> None:
        """Offer the branches at a node that have no parent yet."""
        gap = float(np.linalg.norm(self.paths.nodes_mm[node] - self.paths.nodes_mm[self.paths.ends[parent, side]]))
        for child in set(self.paths.at_node[node]):
            if self.near[child] < 0:
                for child_side in np.flatnonzero(self.paths.ends[child] == node).tolist():
                    cost = misfit(self.paths, parent, side, child, child_side) + extra
                    self._offer(cost, parent, child, child_side, system, gap)
