"""Where two systems begin whose vessels touch: the two roots from which all branches fit their parents best."""

import numpy as np

from ramify.analysis.branch_curves import BranchCurves
from ramify.analysis.forest import LEAST_GAIN, Forest, Move
from ramify.analysis.growth import Root, first_grown
from ramify.analysis.misfit import THICKER
from ramify.vessels.branches import FloatArray, IntArray

# Two systems begin in pieces that have at least so much of the largest one's length.
_LARGE = 0.1
# What a second root in one piece has to gain where another piece is large: of one tree by itself it gains half as much.
_ONE_PIECE = 1.0


def two_roots(paths: BranchCurves, piece: IntArray, thickest: IntArray, radii_mm: FloatArray) -> list[int]:
    """The nodes where two systems begin; raises ValueError where no two could be roots.

    From the thickest end alone, the other system is entered across a contact, and runs backwards to its own trunk:
    vessels get thicker on the way, and turn back. The second root is the node that saves most of that, and then either
    tree may begin elsewhere if that saves more. A thinner root costs as much as a vessel that gets thicker by as much.

    Args:
        paths: the branches.
        piece: int (n,), the connected part of each branch.
        thickest: int (pieces,), the likeliest root of each.
        radii_mm: float (K,), of the vessel that begins at each node, times how much likelier a border makes it.
    """
    lengths: FloatArray = np.bincount(piece, paths.lengths_mm).astype(np.float64)
    large = lengths >= _LARGE * lengths.max()
    forest = first_grown(paths, [Root(int(node)) for node in thickest])
    forest.settle()
    # Nodes where no curve ends have no radius.
    worth = THICKER * np.log(np.maximum(radii_mm, np.finfo(float).tiny))
    apart: list[int] = thickest[large][np.argsort(-radii_mm[thickest[large]], kind="stable")].tolist()
    branches = np.flatnonzero(large[piece])
    first = _best(forest, branches, worth, whole=False)
    if first is None or (len(apart) > 1 and first.gain < _ONE_PIECE):
        if len(apart) < 2:
            raise ValueError(
                "systems: found one end that could be a root, expected two; give both with --root, or leave --systems "
                "out"
            )
        return apart[:2]
    forest.make(first)
    forest.settle()
    branches = np.flatnonzero(piece == piece[first.top])
    while (better := _best(forest, branches, worth, whole=True)) is not None and better.gain > LEAST_GAIN:
        forest.make(better)
        forest.settle()
    return sorted(forest.roots(branches.tolist()))


def _best(forest: Forest, branches: IntArray, worth: FloatArray, whole: bool) -> Move | None:
    """The move that gains most of those by which a tree begins at the far end of a branch.

    worth: float (K,), what a root at each node is worth. whole: of those in which a tree changes its root; else of
    those that leave a tree where it is and take a part of it.
    """
    best: Move | None = None
    roots = forest.roots(branches.tolist())
    for branch in branches.tolist():
        node = forest.ends[branch][1 - forest.near[branch]]
        if node in roots:
            continue
        more_worth = float(worth[node] - worth[forest.root_of(branch)])
        for move in forest.beginnings(branch):
            gain = move.gain + more_worth
            if forest.is_fixed(move.top) == whole and (best is None or gain > best.gain):
                best = Move(gain, dict(move.changes), move.top)
    return best
