"""Every measure of one case as one flat row."""

from collections.abc import Sequence

from ramify.metrics.families import FAMILIES, measures_by_family, measures_of
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.masks import Mask, check_pair
from ramify.metrics.pair import analyse_prediction, analyse_target
from ramify.metrics.settings import EvaluationSettings

FLAGS = ("empty_prediction", "empty_truth")
CaseScores = dict[str, float | bool | None]


def evaluate_case(
    prediction: Mask,
    target: Mask,
    spacing_mm: Sequence[float],
    settings: EvaluationSettings | None = None,
    region: Mask | None = None,
) -> CaseScores:
    """Every measure of a prediction against its target.

    Args:
        prediction: bool (*S), 2D or 3D, the whole volume: its diagonal is the distance of a missed case.
        target: bool (*S)
        spacing_mm: voxel size along each array axis (z, y, x), millimetres, > 0.
        settings: what is measured; all the fast families without them.
        region: bool (*S), the part of the volume that counts, as an organ's mask. Overlap and surfaces are those of
            the masks cut to it; skeletons, graphs, scales and topology those of the masks before, restricted to it, the
            prediction going on outside as the target does. Must not be empty.

    Returns:
        a value for each of `measures_of(settings)` (formulas in docs/metrics.md), then for each of FLAGS whether it
        holds. Empty masks are scored as `settings.policy()` says; None stands for what a case does not define.

    Raises:
        ValueError: masks that are not boolean or of different shapes, a bad spacing, or an empty region.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import evaluate_case
        >>> target = np.zeros((8, 8, 8), bool)
        >>> target[4, 4, 1:7] = True
        >>> scores = evaluate_case(target, target, spacing_mm=(1.0, 1.0, 1.0))
        >>> scores["dice"], scores["cldice"], scores["hd95_mm"], scores["betti0_error"]
        (1.0, 1.0, 0.0, 0.0)
    """
    settings = settings or EvaluationSettings()
    return score_pair(*analyse_pair(prediction, target, spacing_mm, settings, region), settings)


def analyse_pair(
    prediction: Mask,
    target: Mask,
    spacing_mm: Sequence[float],
    settings: EvaluationSettings,
    region: Mask | None = None,
) -> tuple[MaskAnalysis, MaskAnalysis]:
    """The analyses of both masks, laid down and cut to the region; arguments and errors as for `evaluate_case`.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import EvaluationSettings, analyse_pair
        >>> mask = np.zeros((8, 8), bool)
        >>> mask[4, 1:7] = True
        >>> prediction, target = analyse_pair(mask, mask, (1.0, 1.0), EvaluationSettings())
        >>> target.n_voxels, target.n_components
        (6, 1)
    """
    check_pair(prediction, target)
    analysed = analyse_target(target, spacing_mm, settings.skeleton, settings.scales, region)
    return analyse_prediction(prediction, analysed), analysed


def score_pair(prediction: MaskAnalysis, target: MaskAnalysis, settings: EvaluationSettings) -> CaseScores:
    """Every measure of a prediction against its target, each mask analysed before or now; as `evaluate_case`.

    What is computed of the target stays in its analysis: keep it to compare further predictions with it.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import EvaluationSettings, analyse_pair, score_pair
        >>> mask = np.zeros((8, 8), bool)
        >>> mask[4, 1:7] = True
        >>> settings = EvaluationSettings()
        >>> prediction, target = analyse_pair(mask, mask, (1.0, 1.0), settings)
        >>> score_pair(prediction, target, settings)["cldice"]
        1.0
    """
    flags: CaseScores = {"empty_prediction": prediction.is_empty, "empty_truth": target.is_empty}
    if all(flags.values()) and settings.both_empty == "left_out":
        return {**dict.fromkeys(measure.name for measure in measures_of(settings)), **flags}
    row: CaseScores = {}
    for name, measures in measures_by_family(settings).items():
        scores = FAMILIES[name].score(prediction, target, settings.of_family(name))
        row |= {measure.name: scores[measure.name] for measure in measures}
    return {**row, **flags}
