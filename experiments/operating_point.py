"""At which probability a voxel is vessel: the threshold of a precision, or the one with the highest Dice.

A loss that asks for more recall finds more at a probability of a half, and so does a lower threshold. Held at one
precision, or each at the threshold that suits it best, what a variant finds more is its own.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ramify.data.folds import make_folds

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


Criterion = Callable[[IntArray, IntArray], int | None]
"""From how many vessel voxels, and how many voxels of any kind, have each level (L,) to a level; None where none is."""


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
    found, predicted = _from_each_level(vessel, voxels)
    precisions = np.where(predicted > 0, found / np.maximum(predicted, 1), -1.0)
    reached = np.flatnonzero(precisions >= precision)
    return int(reached[0]) if len(reached) else None


def best_threshold(vessel: IntArray, voxels: IntArray) -> int | None:
    """The level from which on voxels taken for vessel have the highest Dice, the lowest such; None without a vessel.

    Args:
        vessel: how many vessel voxels have each level of probability (L,). voxels: how many voxels of any kind.

    Examples:
        >>> import numpy as np
        >>> from ramify.experiments.operating_point import best_threshold
        >>> vessel, voxels = np.array([1, 1, 2, 4]), np.array([9, 4, 4, 4])
        >>> best_threshold(vessel, voxels)  # Dice 16/29, 14/20, 12/16, 8/12
        2
    """
    if not vessel.any():
        return None
    found, predicted = _from_each_level(vessel, voxels)
    return int(np.argmax(2 * found / (predicted + vessel.sum())))


def average_precision(vessel: IntArray, voxels: IntArray) -> float | None:
    """Σ (R_n − R_{n−1}) P_n over the levels from the highest down: the area under precision over recall, in steps.

    No threshold is chosen. Voxels of one level come in together.

    Args:
        vessel: how many vessel voxels have each level of probability (L,). voxels: how many voxels of any kind.

    Returns:
        None without a vessel.

    Examples:
        >>> import numpy as np
        >>> from ramify.experiments.operating_point import average_precision
        >>> average_precision(np.array([1, 0, 1]), np.array([2, 1, 1]))  # recall 1/2 at precision 1, then 1 at 2/4
        0.75
    """
    if not vessel.any():
        return None
    found, predicted = _from_each_level(vessel, voxels)
    return float(np.sum(vessel * found / np.maximum(predicted, 1)) / vessel.sum())


def _from_each_level(vessel: IntArray, voxels: IntArray) -> tuple[IntArray, IntArray]:
    """How many have at least each level."""
    return np.cumsum(vessel[::-1])[::-1], np.cumsum(voxels[::-1])[::-1]


def threshold_for(counts: Sequence[Counts], criterion: Criterion) -> int | None:
    """The level that the criterion chooses on some cases, all their voxels taken together."""
    return criterion(*total(counts))


def cross_fitted_thresholds(
    counts: Mapping[str, Counts], patient_of: Mapping[str, str], criterion: Criterion
) -> dict[str, int | None]:
    """The level for each case, chosen on cases of other patients, None where none of theirs will do.

    Patients are parted into MOST_THRESHOLDS groups, or each by itself where there are fewer.

    Raises ValueError where there is but one patient.
    """
    patients = {case_id: patient_of.get(case_id, case_id) for case_id in counts}
    groups = min(MOST_THRESHOLDS, len(set(patients.values())))
    if groups < 2:
        raise ValueError(
            "a threshold is chosen on some held-out patients and tried on others, and here is one; take fewer folds, "
            "or hold out a test set (folds.test), for which it is chosen on the validation cases"
        )
    found: dict[str, int | None] = {}
    for fold in make_folds(patients, groups, seed=0):
        level = threshold_for([counts[case_id] for case_id in fold["train"]], criterion)
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
