"""Branches with their parents, rearranged until no other parent and no other way round fits better altogether.

What trees grow to, step by step, hangs on the order of the steps: a vessel that is reached first across a contact is
entered there, and runs backwards to its own trunk. Here a branch may be given to another parent at its node, or a run
of branches be turned round and entered from its other end, wherever that lowers the sum of all misfits.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from ramify.analysis.branch_curves import BranchCurves
from ramify.analysis.misfit import misfit
from ramify.vessels.branches import IntArray

LEAST_GAIN = 1e-9
"""What a move gains at least, beyond the rounding of sums."""
# What each branch costs that begins at a root: about as much as one that goes on from its parent does.
_AT_ROOT = 0.3


class Move(NamedTuple):
    """A change of parents.

    gain: by how much all misfits together fall. changes: of each branch, its new parent (-1 at a root) and its side
    that is nearer to the root. top: the branch that leaves its parent.
    """

    gain: float
    changes: dict[int, tuple[int, int]]
    top: int


class Forest:
    """Parents of branches, to be rearranged.

    Args:
        paths: the branches.
        parents: int (n,), -1 at a root; each has one, and there is no circle.
        near: int (n,), 0 or 1: the side of each that is nearer to its root.
        joined: branches that hang on their parents across a gap; they stay there.
    """

    def __init__(self, paths: BranchCurves, parents: IntArray, near: IntArray, joined: set[int]) -> None:
        self.paths = paths
        self.ends: list[list[int]] = paths.ends.tolist()
        self.parents: list[int] = parents.tolist()
        self.near: list[int] = near.tolist()
        self.joined = joined
        self.children: list[set[int]] = [set() for _ in self.parents]
        for branch, parent in enumerate(self.parents):
            if parent >= 0:
                self.children[parent].add(branch)
        self._misfits: dict[tuple[int, int, int, int], float] = {}
        self._across: dict[int, list[tuple[int, int]]] = {}
        for short in np.flatnonzero(paths.is_short).tolist():
            start, end = self.ends[short]
            if start != end:
                self._across.setdefault(start, []).append((end, short))
                self._across.setdefault(end, []).append((start, short))

    def cost(self) -> float:
        """The sum of all misfits, and of what branches at roots cost."""
        return sum(self._link(branch) for branch in range(len(self.parents)) if branch not in self.joined)

    def settle(self) -> None:
        """Make the moves that gain most, until none gains anything."""
        while self._improve():
            pass

    def _improve(self) -> bool:
        moves = sorted(self._moves(), key=lambda move: -move.gain)
        changed: set[int] = set()
        for move in moves:
            involved = {*move.changes, *(self.parents[one] for one in move.changes)}
            involved |= {parent for parent, _ in move.changes.values()}
            involved.discard(-1)
            # What was looked at holds as long as nothing of it has changed, but for the ways to the roots.
            if changed.isdisjoint(involved) and not self._would_circle(move):
                self.make(move)
                changed |= involved
        return bool(changed)

    def _would_circle(self, move: Move) -> bool:
        (entry,) = {parent for parent, _ in move.changes.values()} - {*move.changes}
        return move.top in self._way_up(entry)

    def make(self, move: Move) -> None:
        """Make a move that was told of as things stand."""
        for branch in move.changes:
            if self.parents[branch] >= 0:
                self.children[self.parents[branch]].discard(branch)
        for branch, (parent, near) in move.changes.items():
            self.parents[branch], self.near[branch] = parent, near
            if parent >= 0:
                self.children[parent].add(branch)

    def _moves(self) -> Iterator[Move]:
        """All moves that gain something."""
        arriving = self._arriving()
        for branch, parent in enumerate(self.parents):
            if self.is_fixed(branch):
                continue
            near = self.near[branch]
            for other in self._at(arriving, self.ends[branch][near]):
                if other not in (parent, branch):
                    gain = self._link(branch) - self._entered(other, branch, near)
                    if gain > LEAST_GAIN and branch not in self._way_up(other):
                        yield Move(gain, {branch: (other, near)}, branch)
            for other in self._at(arriving, self.ends[branch][1 - near]):
                if other not in (parent, branch):
                    best: Move | None = None
                    for move in self._turns(branch, other):
                        if move.gain > (LEAST_GAIN if best is None else best.gain):
                            best = move._replace(changes=dict(move.changes))
                    if best is not None:
                        yield best

    def _arriving(self) -> dict[int, list[int]]:
        """The branches whose far end is at each node."""
        found: dict[int, list[int]] = {}
        for branch, ends in enumerate(self.ends):
            found.setdefault(ends[1 - self.near[branch]], []).append(branch)
        return found

    def _at(self, arriving: dict[int, list[int]], node: int) -> list[int]:
        """What arrives at a node, or at one that a short branch joins to it.

        Where that hangs on what arrives, the way leads through it.
        """
        found = arriving.get(node, [])
        for other, short in self._across.get(node, []):
            found = found + [one for one in arriving.get(other, []) if one not in (short, self.parents[short])]
        return found

    def _turns(self, last: int, entry: int) -> Iterator[Move]:
        """The ways to enter a branch, and a run of those above it, from its far end: from `entry`, -1 for a root there.

        What hung on the far end comes to hang on `entry`, what hung along the run on the run. From a root the whole way
        up may be turned round: the tree then begins there, and no more at its old root, where `top` is. The changes of
        all moves are one mapping, which grows from each to the next.
        """
        above = {*self._way_up(entry)}
        if last in above or self.children[last] & above:
            return
        far = 1 - self.near[last]
        gain, changes = -self._entered(entry, last, far), {last: (entry, far)}
        for child in self._hanging(last):
            gain += self._link(child) - self._entered(entry, child, self.near[child])
            changes[child] = (entry, self.near[child])
        branch = last
        while not self.is_fixed(branch):
            gain += self._link(branch)
            yield Move(gain, changes, branch)
            parent = self.parents[branch]
            if parent in above or (self.is_fixed(parent) and (entry >= 0 or self.parents[parent] >= 0)):
                return
            beside = self._hanging(parent, branch)
            for other, side in ((parent, 1 - self.near[parent]), *((other, self.near[other]) for other in beside)):
                gain -= self._pair(branch, self.near[branch], other, side)
                gain += 0.0 if other == parent else self._link(other)
                changes[other] = (branch, side)
            branch = parent
        if entry >= 0 or self.parents[branch] >= 0:
            return
        gain += _AT_ROOT
        root = self.ends[branch][self.near[branch]]
        for other, parent in enumerate(self.parents):
            if parent < 0 and other != branch and self.ends[other][self.near[other]] == root:
                gain += _AT_ROOT - self._pair(branch, self.near[branch], other, self.near[other])
                changes[other] = (branch, self.near[other])
        yield Move(gain, changes, branch)

    def beginnings(self, last: int) -> Iterator[Move]:
        """The ways in which a tree may begin at the far end of a branch, whatever they gain, as `_turns` has them."""
        return self._turns(last, -1)

    def root_of(self, branch: int) -> int:
        """The node where the tree of a branch begins."""
        top = self._way_up(branch)[-1]
        return self.ends[top][self.near[top]]

    def roots(self, branches: Iterable[int]) -> set[int]:
        """The nodes where trees begin, of those of some branches."""
        return {self.ends[branch][self.near[branch]] for branch in branches if self.parents[branch] < 0}

    def is_fixed(self, branch: int) -> bool:
        """Whether a branch begins a tree or a piece that was joined, and stays as it is."""
        return self.parents[branch] < 0 or branch in self.joined

    def _hanging(self, branch: int, *without: int) -> list[int]:
        """The children at a branch's far end, in order."""
        return sorted(child for child in self.children[branch] if child not in without and child not in self.joined)

    def _way_up(self, branch: int) -> list[int]:
        """A branch and all above it; none of -1."""
        found = []
        while branch >= 0:
            found.append(branch)
            branch = self.parents[branch]
        return found

    def _link(self, branch: int) -> float:
        """What it costs that a branch hangs where it does."""
        return self._entered(self.parents[branch], branch, self.near[branch])

    def _entered(self, parent: int, branch: int, side: int) -> float:
        """What it would cost that a branch hangs with a side on another one, -1 for a root."""
        return _AT_ROOT if parent < 0 else self._pair(parent, 1 - self.near[parent], branch, side)

    def _pair(self, parent: int, side: int, child: int, child_side: int) -> float:
        key = (parent, side, child, child_side)
        if key not in self._misfits:
            self._misfits[key] = misfit(self.paths, *key)
        return self._misfits[key]
