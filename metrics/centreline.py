"""Centreline overlap: does the skeleton of one mask lie in the other?"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.masks import Mask, check_pair
from ramify.metrics.measure import Family, Measure, Scores, scores_if_empty, scores_if_no_centreline
from ramify.metrics.pair import analyse_prediction, analyse_target
from ramify.metrics.settings import SkeletonMethod

CENTRELINE_MEASURES = (
    Measure(
        "cldice",
        "2 · tprec · tsens / (tprec + tsens), 0 where both are 0",
        "higher",
        1,
        "Shit et al. 2021, Eq. 2",
        "agreement",
        shown=True,
    ),
    Measure(
        "tprec",
        "|S_P ∩ T| / |S_P|: false branches lower it",
        "higher",
        1,
        "Shit et al. 2021, Eq. 1",
        "agreement",
        shown=True,
    ),
    Measure(
        "tsens",
        "|S_T ∩ P| / |S_T|: gaps and missed branches lower it",
        "higher",
        1,
        "Shit et al. 2021, Eq. 1",
        "agreement",
        shown=True,
    ),
)


class CentrelineOverlap(NamedTuple):
    """clDice and the two shares it is the harmonic mean of, each 0 to 1, higher is better."""

    cldice: float
    tprec: float
    tsens: float


def score_centreline(prediction: MaskAnalysis, target: MaskAnalysis) -> Scores:
    """clDice with topology precision and sensitivity, Shit et al. 2021, Eq. 1 and 2; by name.

    Tprec = |S_P ∩ V_L| / |S_P|: the share of the prediction's skeleton in the target; falls with false branches.
    Tsens = |S_L ∩ V_P| / |S_L|: the share of the target's skeleton in the prediction; falls with gaps.
    clDice = 2 Tprec Tsens / (Tprec + Tsens), and 0 where both are 0.

    The skeletons are those of the analyses, with all their spurs, as in the paper. A skeleton without a voxel, which
    scikit-image's thinning may give, has a share of 0; the prediction's that has voxels, but none in the region, a
    share of 1. None where the target's has none there. All 1 if both masks are empty, all 0 if one is.
    """
    nothing = scores_if_no_centreline(CENTRELINE_MEASURES, target, lambda mask: mask.skeleton_voxels)
    if nothing is not None:
        return nothing
    if (agreed := scores_if_empty(CENTRELINE_MEASURES, prediction, target)) is not None:
        return agreed
    return _overlap(prediction, target)._asdict()


def centreline_overlap(
    prediction: Mask,
    target: Mask,
    skeleton_method: SkeletonMethod = "guarded",
    spacing_mm: Sequence[float] | None = None,
) -> CentrelineOverlap:
    """The values of `score_centreline` for two masks.

    Args:
        prediction: bool (*S)
        target: bool (*S)
        skeleton_method: whose thinning; `guarded` leaves no component without a skeleton.
        spacing_mm: voxel size along each array axis, mm; None: 1 along each. Masks are laid down the coarsest axis
            first before they are thinned.

    Returns:
        all 1 if both masks are empty, all 0 if one is.

    Raises:
        ValueError: masks that are not boolean, or of different shapes.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import centreline_overlap
        >>> target = np.zeros((5, 9), bool)
        >>> target[2, 1:8] = True
        >>> prediction = np.zeros((5, 9), bool)
        >>> prediction[2, 1:4] = True
        >>> centreline_overlap(prediction, target).tprec, round(centreline_overlap(prediction, target).tsens, 3)
        (1.0, 0.429)
    """
    check_pair(prediction, target)
    analysed = analyse_target(target, spacing_mm or (1.0,) * target.ndim, skeleton_method)
    masks = analyse_prediction(prediction, analysed), analysed
    agreed = scores_if_empty(CENTRELINE_MEASURES, *masks)
    return _overlap(*masks) if agreed is None else CentrelineOverlap(**agreed)


def cldice(prediction: Mask, target: Mask, spacing_mm: Sequence[float] | None = None) -> float:
    """clDice of Shit et al. 2021 alone; arguments, range, errors and empty masks as for `centreline_overlap`.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import cldice
        >>> target = np.zeros((5, 9), bool)
        >>> target[2, 1:8] = True
        >>> prediction = target.copy()
        >>> prediction[2, 4] = False  # a gap
        >>> round(cldice(prediction, target), 3)  # precision 1, sensitivity 6 / 7
        0.923
    """
    return centreline_overlap(prediction, target, spacing_mm=spacing_mm).cldice


def _overlap(prediction: MaskAnalysis, target: MaskAnalysis) -> CentrelineOverlap:
    tprec, tsens = _share_held(prediction, target), _share_held(target, prediction)
    return CentrelineOverlap(_harmonic_mean(tprec, tsens), tprec, tsens)


def _share_held(mask: MaskAnalysis, other: MaskAnalysis) -> float:
    """The share of a mask's skeleton that the other holds."""
    voxels = mask.skeleton_voxels
    if not len(voxels):
        # Nothing of the skeleton lies in the region: nothing of it is wrong.
        return float(len(mask.tree.skeleton_voxels) > 0)
    return int(np.count_nonzero(other.holds(voxels))) / len(voxels)


def _harmonic_mean(first: float, second: float) -> float:
    return 2 * first * second / (first + second) if first + second > 0 else 0.0


CENTRELINE = Family(
    lambda _: CENTRELINE_MEASURES,
    lambda prediction, target, _: score_centreline(prediction, target),
    needs_spacing=False,
)
