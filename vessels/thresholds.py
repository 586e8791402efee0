"""Thresholds between scales: what each branch counts, whose radius it has if it does not, and weighted quantiles."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ramify.vessels.branches import BoolArray, FloatArray, path_lengths
from ramify.vessels.estimators import VesselTree
from ramify.vessels.scale_settings import Weighing

# Voxels of centreline clear of a branch's ends from which on it counts: fewer may be what one voxel of the wall makes.
_FEWEST_VOXELS = 4


def counts_of_branches(tree: VesselTree, weigh: Weighing) -> FloatArray:
    """Return what each branch counts towards the quantiles, float (n_branches,): 1, or the mm of it that are clear.

    Length is clear beyond the ball of the thickest vessel at a junction, and before a free end closes. A spur that
    hardly leaves its parent, a stub of a trunk shorter than the trunk is wide, a bridge where two vessels touch and a
    loose crumb lie within these, and count little; with less than four voxels clear, nothing. Where that leaves none,
    all count by their whole extent.
    """
    if weigh == "branches":
        return np.ones(tree.graph.n_branches)
    enough = tree.course.clear_positions(tree.graph) >= _FEWEST_VOXELS
    clear = np.where(enough, tree.course.clear_lengths(tree.graph), 0.0)
    return clear if clear.any() else _extents(tree)


def counts_inside(
    tree: VesselTree, counts: FloatArray, branch: NDArray[np.int32], inside: BoolArray, weigh: Weighing
) -> FloatArray:
    """Return what of the counts lies inside a region: of a length the share of the branch's voxels that do.

    Args:
        tree: the branches.
        counts: float (n_branches,), of `counts_of_branches`.
        branch: int (V,), branch of each vessel voxel, from 1.
        inside: bool (V,), whether it lies in the region; at least one does.
        weigh: how the branches were counted; one that reaches into the region is a branch of it.
    """
    size, part = (np.bincount(found, minlength=len(counts) + 1)[1:] for found in (branch, branch[inside]))
    share = part / np.maximum(size, 1) if weigh == "length" else (part > 0).astype(np.float64)
    # Where the region holds none but branches without a clear length, all of these count.
    return counts * share if np.any(counts * share) else _extents(tree) * share


def _extents(tree: VesselTree) -> FloatArray:
    """Length of each branch with a voxel for its ends, float (n_branches,), mm."""
    return path_lengths(tree.graph, tree.spacing_mm) + min(tree.spacing_mm)


def with_neighbours_radii(tree: VesselTree, radii_mm: FloatArray) -> FloatArray:
    """Return the radii, those of branches that nothing is clear of taken from the thickest neighbour.

    Such a branch lies within the ball of that vessel. Neighbours of neighbours come next; a component of such branches
    alone keeps its radii.

    Args:
        tree: the branches.
        radii_mm: float (n_branches,), above 0.
    """
    graph, radii, known = tree.graph, radii_mm.copy(), tree.course.clear_positions(tree.graph) > 0
    branch, side = np.nonzero(graph.ends >= 0)
    cluster = graph.ends[branch, side]
    while True:
        at_cluster, at_branch = np.zeros(int(graph.ends.max(initial=-1)) + 1), np.zeros(graph.n_branches)
        source = known[branch]
        np.maximum.at(at_cluster, cluster[source], radii[branch[source]])
        np.maximum.at(at_branch, branch, at_cluster[cluster])
        reached = ~known & (at_branch > 0)
        if not reached.any():
            return radii
        radii[reached] = at_branch[reached]
        known |= reached


def weighted_quantiles(values: FloatArray, counts: FloatArray, quantiles: Sequence[float]) -> FloatArray:
    """Return quantiles by linear interpolation, each value standing for `counts` of its like.

    Args:
        values: float (n,).
        counts: float (n,), 0 or more and one of them above 0. If these are all alike, the result is `numpy.quantile`'s.
        quantiles: from 0 to 1.
    """
    values, counts = values[counts > 0], counts[counts > 0]
    if np.all(counts == counts[0]):
        return np.quantile(values, quantiles)
    ranked = np.argsort(values, kind="stable")
    rank = np.cumsum(counts[ranked]) - (counts[ranked] + counts[ranked[0]]) / 2
    return np.interp(quantiles, rank / max(rank[-1], np.finfo(float).tiny), values[ranked])
