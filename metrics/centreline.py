"""Centreline overlap: does the skeleton of one mask lie in the other?"""

from typing import NamedTuple

import numpy as np

from metrics.masks import Mask, check_pair
from vessels.skeleton import skeletonize


class CentrelineOverlap(NamedTuple):
    """clDice and the two shares it is the harmonic mean of, each 0 to 1, higher is better."""

    cldice: float
    tprec: float
    tsens: float


def centreline_overlap(prediction: Mask, target: Mask) -> CentrelineOverlap:
    """clDice with topology precision and sensitivity, Shit et al. 2021, Eq. 1 and 2.

    Tprec = |S_P ∩ V_L| / |S_P|: the share of the prediction's skeleton in the target; falls with false branches.
    Tsens = |S_L ∩ V_P| / |S_L|: the share of the target's skeleton in the prediction; falls with gaps.
    clDice = 2 Tprec Tsens / (Tprec + Tsens), and 0 where both are 0.

    The skeletons are voxels of `vessels.skeleton.skeletonize`, which leaves no component without a skeleton. Thinning
    chooses between equal voxels by their order along the axes, so flipping both masks may change the value a little.

    Args:
        prediction: bool (*S)
        target: bool (*S)

    Returns:
        all 1 if both masks are empty, all 0 if one is.

    Raises:
        ValueError: masks that are not boolean, or of different shapes.
    """
    check_pair(prediction, target)
    has_prediction, has_target = bool(prediction.any()), bool(target.any())
    if not (has_prediction and has_target):
        agreed = 1.0 if has_prediction == has_target else 0.0
        return CentrelineOverlap(agreed, agreed, agreed)
    tprec = _share_inside(skeletonize(prediction), target)
    tsens = _share_inside(skeletonize(target), prediction)
    return CentrelineOverlap(_harmonic_mean(tprec, tsens), tprec, tsens)


def cldice(prediction: Mask, target: Mask) -> float:
    """clDice of Shit et al. 2021 alone; arguments, range, errors and empty masks as for `centreline_overlap`."""
    return centreline_overlap(prediction, target).cldice


def _share_inside(skeleton: Mask, mask: Mask) -> float:
    length = int(np.count_nonzero(skeleton))
    return int(np.count_nonzero(skeleton & mask)) / length if length else 0.0


def _harmonic_mean(first: float, second: float) -> float:
    return 2 * first * second / (first + second) if first + second > 0 else 0.0
