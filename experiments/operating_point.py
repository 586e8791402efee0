"""Scores of held-out cases at the threshold where precision is a given one: what is found for the same false alarms.

A loss that asks for more recall finds more at a probability of a half, and so does a lower threshold. Held at one
precision, what a variant finds more is its own.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ramify.data.folds import make_folds, patients_of
from ramify.experiments.further_measures import AT_PRECISION, measures_at_precision
from ramify.experiments.held_out import held_out_cases, probabilities_of
from ramify.experiments.plan import Run
from ramify.metrics.case import CaseScores, evaluate_case
from ramify.processes.temporary import temporary_folder
from ramify.training.predictor import Predictor

LEVELS = 2**16
"""Probabilities are told apart in as many steps."""
MOST_THRESHOLDS = 5
"""Groups of patients that are left out in turn, at most."""
IntArray = NDArray[np.int64]
Levels = NDArray[np.uint16]
Mask = NDArray[np.bool_]


class Counts(NamedTuple):
    """How many voxels of a case have each level of probability (L,): those of vessels, and those of any kind."""

    vessel: IntArray
    voxels: IntArray


def levels_of(probabilities: NDArray[np.floating]) -> Levels:
    """Probabilities (*S) in LEVELS steps.

    Examples:
        >>> import numpy as np
        >>> from ramify.experiments.operating_point import levels_of
        >>> levels_of(np.array([0.0, 0.5, 1.0])).tolist()
        [0, 32768, 65535]
    """
    return np.round(probabilities * (LEVELS - 1)).astype(np.uint16)


def counts_of(levels: Levels, truth: Mask, region: Mask | None = None) -> Counts:
    """How many voxels have each level (LEVELS,).

    Args:
        levels: (*S). truth: bool (*S). region: the part that counts, bool (*S); None for all of it.

    Examples:
        >>> import numpy as np
        >>> from ramify.experiments.operating_point import counts_of
        >>> counts = counts_of(np.array([0, 2, 2], np.uint16), np.array([False, False, True]))
        >>> counts.vessel[:3].tolist(), counts.voxels[:3].tolist()
        ([0, 0, 1], [1, 0, 2])
    """
    inside = np.ones_like(truth) if region is None else region
    return Counts(*(np.bincount(levels[part], minlength=LEVELS) for part in (inside & truth, inside)))


def threshold_of(vessel: IntArray, voxels: IntArray, precision: float) -> int | None:
    """The lowest level from which on so large a share of the voxels is vessel; None where no level has it.

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
    return int(reached[0]) if len(reached) else None


def score_at_precision(run: Run, precision: float) -> dict[str, CaseScores]:
    """Case -> measure at that precision -> value, of each held-out case; None where the precision is out of reach.

    The threshold of a case is chosen on held-out cases of other patients, where all their voxels together have the
    precision: patients are parted into MOST_THRESHOLDS groups, or each by itself where there are fewer.

    A case is in memory while it is predicted or scored; in between, its levels are on disk.

    Raises ValueError or OSError where a case or the checkpoint cannot be read, or all cases are one patient's.
    """
    predictor = Predictor(run.folder.checkpoint("final"), run.settings.device)
    nothing = [measure.name for measure in measures_at_precision(run.evaluation, precision)]
    counts: dict[str, Counts] = {}
    rows: dict[str, CaseScores] = {}
    with temporary_folder("levels") as folder:
        for case in held_out_cases(run):
            levels = levels_of(probabilities_of(case, predictor))
            counts[case.case_id] = counts_of(levels, case.truth.array, case.region)
            np.save(folder / f"{case.case_id}.npy", levels)

        least = thresholds(counts, patients_of(run.settings.cases), precision)
        for case in held_out_cases(run):
            if (level := least[case.case_id]) is None:
                rows[case.case_id] = dict.fromkeys(nothing)
                continue
            mask = np.load(folder / f"{case.case_id}.npy") >= level
            scores = evaluate_case(mask, case.truth.array, case.image.spacing_mm, run.evaluation, case.region)
            rows[case.case_id] = {f"{AT_PRECISION}{name}": value for name, value in scores.items()}
    return rows


def thresholds(counts: Mapping[str, Counts], patient_of: Mapping[str, str], precision: float) -> dict[str, int | None]:
    """The level for each case, chosen on cases of other patients, None where none of theirs is so precise.

    Raises ValueError where there is but one patient.
    """
    patients = {case_id: patient_of.get(case_id, case_id) for case_id in counts}
    groups = min(MOST_THRESHOLDS, len(set(patients.values())))
    if groups < 2:
        raise ValueError(
            "a threshold is chosen on some held-out patients and tried on others, and here is one; take fewer folds"
        )
    found: dict[str, int | None] = {}
    for fold in make_folds(patients, groups, seed=0):
        level = threshold_of(*total([counts[case_id] for case_id in fold["train"]]), precision)
        found |= dict.fromkeys(fold["val"], level)
    return {case_id: found[case_id] for case_id in counts}


def total(counts: Sequence[Counts]) -> Counts:
    """Those of several cases together.

    Examples:
        >>> import numpy as np
        >>> from ramify.experiments.operating_point import Counts, total
        >>> total([Counts(np.array([0, 1]), np.array([4, 1])), Counts(np.array([1, 1]), np.array([3, 1]))]).voxels
        array([7, 2])
    """
    return Counts(*(np.sum(parts, axis=0) for parts in zip(*counts, strict=True)))
