"""Scores of held-out cases at the threshold where precision is a given one: what is found for the same false alarms.

A loss that asks for more recall finds more at a probability of a half, and so does a lower threshold. Held at one
precision, what a variant finds more is its own.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ramify.data.folds import make_folds, patients_of
from ramify.experiments.further_measures import AT_PRECISION
from ramify.experiments.held_out import held_out_cases, probabilities_of
from ramify.experiments.plan import Run
from ramify.metrics.case import evaluate_case
from ramify.training.predictor import Predictor

LEVELS = 2**16
"""Probabilities are told apart in as many steps."""
MOST_THRESHOLDS = 5
"""Groups of patients that are left out in turn, at most."""
IntArray = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Predicted(NamedTuple):
    """A held-out case with what a network says of it, in LEVELS steps of probability."""

    levels: NDArray[np.uint16]
    truth: Mask
    region: Mask | None
    spacing_mm: tuple[float, ...]


def threshold_of(vessel: IntArray, voxels: IntArray, precision: float) -> int:
    """The lowest level from which on so large a share of the voxels is vessel; else the most precise, highest one.

    Args:
        vessel: how many vessel voxels have each level of probability (L,). voxels: how many voxels of any kind.
        precision: in (0, 1).

    Examples:
        >>> import numpy as np
        >>> from ramify.experiments.operating_point import threshold_of
        >>> vessel, voxels = np.array([1, 1, 2, 4]), np.array([9, 4, 4, 4])
        >>> threshold_of(vessel, voxels, 0.75)  # from level 2 on, 6 of 8
        2
    """
    found, predicted = (np.cumsum(counts[::-1])[::-1] for counts in (vessel, voxels))
    precisions = np.where(predicted > 0, found / np.maximum(predicted, 1), -1.0)
    reached = np.flatnonzero(precisions >= precision)
    return int(reached[0]) if len(reached) else len(precisions) - 1 - int(precisions[::-1].argmax())


def score_at_precision(run: Run, precision: float) -> dict[str, dict[str, float | None]]:
    """Case -> measure at that precision -> value, of each held-out case.

    The threshold of a case is chosen on held-out cases of other patients, where all their voxels together have the
    precision: patients are parted into MOST_THRESHOLDS groups, or each by itself where there are fewer.

    Raises ValueError or OSError where a case or the checkpoint cannot be read, or all cases are one patient's.
    """
    predictor = Predictor(run.folder.checkpoint("final"), run.settings.device)
    predicted = {}
    for case in held_out_cases(run):
        levels = np.round(probabilities_of(case, predictor, run) * (LEVELS - 1)).astype(np.uint16)
        predicted[case.case_id] = Predicted(levels, case.truth.array, case.region, case.image.spacing_mm)
    patient_of = patients_of(run.settings.cases)
    rows = {}
    for case_id, threshold in thresholds(predicted, patient_of, precision).items():
        of_case = predicted[case_id]
        mask = of_case.levels >= threshold
        scores = evaluate_case(mask, of_case.truth, of_case.spacing_mm, run.evaluation, of_case.region)
        rows[case_id] = {f"{AT_PRECISION}{name}": value for name, value in scores.items()}
    return rows


def thresholds(predicted: Mapping[str, Predicted], patient_of: Mapping[str, str], precision: float) -> dict[str, int]:
    """The level for each case, chosen on cases of other patients; ValueError where there is but one."""
    patients = {case_id: patient_of.get(case_id, case_id) for case_id in predicted}
    groups = min(MOST_THRESHOLDS, len(set(patients.values())))
    if groups < 2:
        raise ValueError(
            "a threshold is chosen on some held-out patients and tried on others, and here is one; take fewer folds"
        )
    counts = {case_id: _counts(of_case) for case_id, of_case in predicted.items()}
    found: dict[str, int] = {}
    for fold in make_folds(patients, groups, seed=0):
        level = threshold_of(*_total([counts[case_id] for case_id in fold["train"]]), precision)
        found |= dict.fromkeys(fold["val"], level)
    return {case_id: found[case_id] for case_id in predicted}


def _counts(predicted: Predicted) -> tuple[IntArray, IntArray]:
    """How many vessel voxels, and voxels, have each level inside the region."""
    inside = np.ones_like(predicted.truth) if predicted.region is None else predicted.region
    vessel = predicted.levels[inside & predicted.truth]
    return np.bincount(vessel, minlength=LEVELS), np.bincount(predicted.levels[inside], minlength=LEVELS)


def _total(counts: Sequence[tuple[IntArray, IntArray]]) -> tuple[IntArray, IntArray]:
    vessel, voxels = (np.sum(parts, axis=0) for parts in zip(*counts))
    return vessel, voxels
