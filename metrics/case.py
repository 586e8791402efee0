"""Every measure of one case as one flat row."""

from collections.abc import Sequence

from metrics.centreline import centreline_overlap
from metrics.masks import Mask, check_pair, check_spacing, joint_box
from metrics.overlap import count_overlap
from metrics.surface import hausdorff_distances

MEASURES = ("dice", "jaccard", "sensitivity", "precision", "cldice", "tprec", "tsens", "hd_mm", "hd95_mm")
FLAGS = ("empty_prediction", "empty_truth")

POLICY = (
    "Both masks empty: overlaps and clDice 1, distances 0. One mask empty: overlaps and clDice 0, distances the "
    "diagonal of the volume in mm. Such cases are flagged and counted, and stay in every mean. A case that could not "
    "be evaluated is under failed and in no mean."
)

CaseScores = dict[str, float | bool]


def evaluate_case(prediction: Mask, target: Mask, spacing_mm: Sequence[float]) -> CaseScores:
    """Every measure of a prediction against its target.

    Args:
        prediction: bool (*S), 2D or 3D, the whole volume: its diagonal is the distance of a missed case.
        target: bool (*S)
        spacing_mm: voxel size along each array axis (z, y, x), millimetres, > 0.

    Returns:
        a value for each of MEASURES (formulas in docs/metrics.md), then for each of FLAGS whether it holds.
        Empty masks are scored as POLICY says.

    Raises:
        ValueError: masks that are not boolean or of different shapes, or a bad spacing.
    """
    check_pair(prediction, target)
    spacing = check_spacing(spacing_mm, target.ndim)
    counts = count_overlap(prediction, target)
    if counts.prediction and counts.target:
        # Vessels fill a small part of a volume: thinning and surfaces then look at that part alone.
        box = joint_box(prediction, target)
        prediction, target = prediction[box], target[box]
    centreline = centreline_overlap(prediction, target)
    distances = hausdorff_distances(prediction, target, spacing)
    return {
        "dice": counts.dice,
        "jaccard": counts.jaccard,
        "sensitivity": counts.sensitivity,
        "precision": counts.precision,
        **centreline._asdict(),
        **distances._asdict(),
        "empty_prediction": counts.prediction == 0,
        "empty_truth": counts.target == 0,
    }
