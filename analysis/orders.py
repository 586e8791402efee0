"""Where in its tree a branch stands: generation from the root, Strahler order, order along main vessels."""

import numpy as np

from ramify.analysis.growth import Growth
from ramify.vessels.branches import FloatArray, IntArray


def generations(growth: Growth, starts: IntArray) -> IntArray:
    """How many times the way from the root to each branch has forked, int (n,): 0 for the trunk.

    A trunk that is too short for a centreline is not there: branches that fork at the root itself are of generation 1.
    starts: int (n,), the node where each branch begins.

    Where a branch has one child alone, as where another vessel's contact was cut off it, that is the same vessel.
    """
    children = growth.children()
    at_roots = np.bincount(starts[growth.parents < 0], minlength=int(starts.max()) + 1)
    found = (at_roots[starts] > 1).astype(np.int64)
    for branch in growth.order.tolist():
        parent = int(growth.parents[branch])
        if parent >= 0:
            found[branch] = found[parent] + (len(children[parent]) > 1)
    return found


def strahler_orders(growth: Growth) -> IntArray:
    """Strahler's order of each branch, int (n,): 1 at the ends; where two of the highest order meet, one more.

    Strahler, "Quantitative analysis of watershed geomorphology", 1957.
    """
    children = growth.children()
    found = np.ones(len(growth.parents), dtype=np.int64)
    for branch in growth.order[::-1].tolist():
        if below := sorted((int(found[child]) for child in children[branch]), reverse=True):
            found[branch] = below[0] + (len(below) > 1 and below[0] == below[1])
    return found


def main_vessel_orders(growth: Growth, radii_mm: FloatArray) -> IntArray:
    """Order of each branch by main vessels, int (n,): 1 along the thickest way from the root, one more in each side
    vessel.

    Gravelius's order, also called Hack's; the thickest child of a branch goes on with its parent's order.

    Args:
        growth: the trees.
        radii_mm: float (n,), of the branches.
    """
    children = growth.children()
    found = np.ones(len(growth.parents), dtype=np.int64)
    for branch in growth.order.tolist():
        below = sorted(children[branch], key=lambda child: (-radii_mm[child], child))
        for rank, child in enumerate(below):
            found[child] = found[branch] + (rank > 0)
    return found
