"""Which pieces of one mask's centreline are found in the other: matched lengths, and branches that are detected."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.vessels.curve_graph import CentrelineGraph

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

DETECTED_FROM = 0.8
"""Share of a branch's centreline that must be held for the branch to be detected, as ATM'22 counts."""

# Distances are sums of rounded numbers.
_ROUNDING = 1e-9


def partners_of_target(prediction: MaskAnalysis, target: MaskAnalysis) -> IntArray:
    """Point of the prediction's centreline that matches each of the target's, int (N,), -1 for none.

    A point on the target's centreline is matched by the nearest of the prediction's, if that lies no farther away than
    the vessel's radius there, or than one voxel along the coarsest axis: if it lies in the true vessel, that is. The
    partner may lie outside the region: it is an index into the points of the prediction's whole `tree`.
    """
    line, (others, points_mm) = target.centreline, _short_of_tips(prediction)
    if not len(others):
        return np.full(len(line.points_mm), -1)
    distance, nearest = cKDTree(points_mm).query(line.points_mm)
    partner = np.where(distance <= _reach_mm(target.local_radii_mm, target), others[nearest], -1)
    tip, end = _tips(line)
    partner[tip] = partner[end]
    return partner


def matched_of_prediction(prediction: MaskAnalysis, target: MaskAnalysis) -> BoolArray:
    """Whether each point of the prediction's centreline matches one of the target's, bool (N,).

    The counterpart of `partners_of_target`: the nearest point of the target's centreline lies no farther away than the
    target's radius there, or than one voxel along the coarsest axis.
    """
    line, (others, points_mm) = prediction.centreline, _short_of_tips(target)
    if not len(others):
        return np.zeros(len(line.points_mm), dtype=bool)
    distance, nearest = cKDTree(points_mm).query(line.points_mm)
    matched: BoolArray = distance <= _reach_mm(target.tree.local_radii_mm[others[nearest]], target)
    tip, end = _tips(line)
    matched[tip] = matched[end]
    return matched


def length_shares(prediction: MaskAnalysis, target: MaskAnalysis) -> tuple[float, float]:
    """Shares of the prediction's and of the target's centreline that are matched: length precision and recall."""
    precision = _share_of_length(prediction, matched_of_prediction(prediction, target))
    return precision, _share_of_length(target, partners_of_target(prediction, target) >= 0)


def detected_branches(prediction: MaskAnalysis, target: MaskAnalysis) -> float:
    """The share of the target's branches of whose centreline the prediction holds at least `DETECTED_FROM`.

    0 where it has none, which scikit-image's thinning may give.
    """
    line = target.centreline
    if line.n_curves == 0:
        return 0.0
    # Where a curve runs through a filled cavity, there is nothing to hold.
    own = target.holds(line.voxels)
    held = np.add.reduceat((own & prediction.holds(line.voxels)).astype(np.int64), line.starts[:-1])
    detected = held >= DETECTED_FROM * np.add.reduceat(own.astype(np.int64), line.starts[:-1]) * (1 - _ROUNDING)
    return int(np.count_nonzero(detected)) / line.n_curves


def _share_of_length(mask: MaskAnalysis, matched: BoolArray) -> float:
    """The matched share of a centreline; where it has no length, of its points; 1 where none of it is in the region."""
    line = mask.centreline
    if not len(matched):
        return float(mask.tree.centreline.n_curves > 0)
    weights = line.shares_mm if line.length_mm > 0 else np.ones(len(matched))
    # Added up in one order: all of it is 1, to the last digit.
    return float(np.where(matched, weights, 0).sum() / weights.sum())


def _short_of_tips(mask: MaskAnalysis) -> tuple[IntArray, NDArray[np.float64]]:
    """Points of a mask's whole tree but the tips of its vessels: their numbers, and where they are."""
    line = mask.tree.centreline
    kept = np.delete(np.arange(len(line.points_mm)), _tips(line)[0])
    return kept, line.points_mm[kept]


def _tips(line: CentrelineGraph) -> tuple[IntArray, IntArray]:
    """The points at the tips of vessels, and for each the one beside it, where thinning left the vessel's end.

    A tip goes with that end: a radius about an end reaches to the tip, and one about the tip would reach beyond it.
    """
    long = np.diff(line.starts) > 2
    degrees = np.append(line.degrees, 0)
    first = line.starts[:-1][long & (degrees[line.ends[:, 0]] == 1)]
    last = line.starts[1:][long & (degrees[line.ends[:, 1]] == 1)] - 1
    return np.concatenate([first, last]), np.concatenate([first + 1, last - 1])


def _reach_mm(radii_mm: NDArray[np.float64], target: MaskAnalysis) -> NDArray[np.float64]:
    reach: NDArray[np.float64] = np.maximum(radii_mm, max(target.spacing_mm)) * (1 + _ROUNDING)
    return reach
