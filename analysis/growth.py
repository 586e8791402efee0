"""Trees grown from their roots over the branches of a graph, each branch from the parent that it fits best.

Of all branches that touch what has grown so far, the one that goes on best is next (Prim's algorithm); then branches
are rearranged until no change makes all of them together fit better (`forest`). So what is left over where vessels only
touch (a cycle) is cut there, and not somewhere in a vessel. From the roots of two systems at once, it takes them apart.
"""

import heapq
import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ramify.analysis.branch_curves import BranchCurves
from ramify.analysis.forest import Forest
from ramify.analysis.misfit import misfit
from ramify.vessels.branches import FloatArray, IntArray


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
    cuts: int (C,), branches whose far end meets another vessel, where a cycle is cut.
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


def grow(paths: BranchCurves, roots: Sequence[Root]) -> Growth:
    """Grow trees from roots, one at least in every connected part of the graph.

    Branches at a root's node are its own.
    """
    growing = _Growing(paths)
    forest = growing.forest(roots)
    forest.settle()
    return growing.grown(forest)


def first_grown(paths: BranchCurves, roots: Sequence[Root]) -> Forest:
    """Trees as they grow from roots step by step, before they settle."""
    return _Growing(paths).forest(roots)


class _Growing:
    """The state while trees grow."""

    def __init__(self, paths: BranchCurves) -> None:
        self.paths = paths
        n = paths.n_branches
        self.parents, self.near, self.system = (np.full(n, -1, dtype=np.int64) for _ in range(3))
        self.gaps = np.zeros(n)
        self.order: list[int] = []
        self.beside: dict[int, int] = {}
        self.joined: set[int] = set()
        self.roots: set[int] = set()
        self.reached = np.zeros(len(paths.nodes_mm), dtype=bool)
        self.waiting: list[tuple[float, int, int, int, int]] = []
        self.count = itertools.count()

    def forest(self, roots: Sequence[Root]) -> Forest:
        """Prim's algorithm, with costs that depend on the way in which a branch is passed."""
        for root in roots:
            self.roots.add(root.node)
            self.reached[root.node] = True
            for branch in set(self.paths.at_node[root.node]):
                if self.system[branch] >= 0:
                    continue
                self._offer(-1.0, root.parent, branch, 0 if self.paths.ends[branch, 0] == root.node else 1)
                self.system[branch] = root.system
                if root.parent >= 0:
                    self.joined.add(branch)
                    self.gaps[branch] = root.gap_mm
                if root.beside >= 0:
                    self.beside[branch] = root.beside
        while self.waiting:
            _, _, parent, branch, side = heapq.heappop(self.waiting)
            if self.near[branch] < 0:
                self._take(parent, branch, side)
        return Forest(self.paths, self.parents, self.near, self.joined)

    def grown(self, forest: Forest) -> Growth:
        """A forest that began so, with what follows from parents."""
        self.parents, self.near = np.array(forest.parents), np.array(forest.near)
        order = self._from_roots_outwards()
        for branch in order.tolist():
            # Pieces are of the system of a larger one, which may have come later.
            parent = int(self.parents[branch])
            like = parent if parent >= 0 else self.beside.get(branch, -1)
            if like >= 0:
                self.system[branch] = self.system[like]
            if parent >= 0 and branch not in self.joined:
                nodes = self.paths.ends[[branch, parent], [self.near[branch], 1 - self.near[parent]]]
                self.gaps[branch] = float(np.linalg.norm(np.subtract(*self.paths.nodes_mm[nodes])))
        return Growth(self.parents, self.near, self.system, order, self.gaps, self._cuts(forest, order))

    def _cuts(self, forest: Forest, order: IntArray) -> IntArray:
        """The branches that end at a vessel that is there already: of those that arrive at a node all but one, the one
        that goes on, and all at a root."""
        passed, cuts = {*self.roots}, []
        for branch in sorted(order.tolist(), key=lambda one: not forest.children[one]):
            node = int(self.paths.ends[branch, 1 - self.near[branch]])
            if node in passed and self.paths.lengths_mm[branch] > 0:
                cuts.append(branch)
            passed.add(node)
        return np.array(cuts, dtype=np.int64)

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

    def _offer(self, cost: float, parent: int, branch: int, side: int) -> None:
        heapq.heappush(self.waiting, (cost, next(self.count), parent, branch, side))

    def _take(self, parent: int, branch: int, side: int) -> None:
        self.parents[branch], self.near[branch] = parent, side
        self.order.append(branch)
        far = 1 - side
        node = int(self.paths.ends[branch, far])
        met = bool(self.reached[node])
        self.reached[node] = True
        self._offer_at(node, branch, far)
        if met:
            for link in self.paths.at_node[node]:
                if link != branch and self.near[link] >= 0 and self.paths.is_short[link]:
                    start, end = self.paths.ends[link].tolist()
                    self._offer_at(end if start == node else start, branch, far)

    def _offer_at(self, node: int, parent: int, side: int) -> None:
        """Offer the branches at a node that have no parent yet."""
        for child in set(self.paths.at_node[node]):
            if self.near[child] < 0:
                for child_side in np.flatnonzero(self.paths.ends[child] == node).tolist():
                    self._offer(misfit(self.paths, parent, side, child, child_side), parent, child, child_side)
