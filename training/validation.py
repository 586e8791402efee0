"""Validation: when it is due, and how well a network segments the held-out cases then."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ramify.data.case_store import Case, read_case
from ramify.data.loading import spacing_of
from ramify.metrics.centreline import cldice
from ramify.metrics.overlap import dice
from ramify.training.distributed import ALONE, Ranks
from ramify.training.runner import Runner, inside_organ
from ramify.training.segmentation import ClassMap, class_map_of, known, masks_of, true_class_map
from ramify.training.settings import RunSettings
from ramify.training.sliding_window import NotFiniteError
from ramify.training.state import Training

MEASURES = ("dice", "cldice")
CaseRow = dict[str, float | str]
"""The scores of one case in one validation: "epoch", "case", and those of `measures_of`."""
BetweenCases = Callable[[int], None]
"""Called between cases of a validation with the number of those that are done."""


def _nothing(_: int) -> None:
    """What is done between two cases where nothing is asked for."""


def is_due(settings: RunSettings, epoch: int) -> bool:
    """Whether an epoch (from 0) ends with a validation: every so many do, and the last one does."""
    return is_last(settings, epoch) or (epoch + 1) % settings.validation.every == 0


def is_last(settings: RunSettings, epoch: int) -> bool:
    """Whether an epoch (from 0) is the last one."""
    return epoch + 1 == settings.train.epochs


@dataclass(frozen=True, eq=False)
class ValidatedCase:
    """What a validation found in one case, on its prepared grid.

    scores: Dice and clDice of each mask that is told apart and is in the truth or in the prediction, by name.
    predicted: the class of each voxel by number, uint8 (*S); None where it was not to be kept.
    """

    scores: Mapping[str, tuple[float, float]]
    predicted: ClassMap | None = None


def validation_of(training: Training, between_cases: BetweenCases = _nothing) -> dict[str, ValidatedCase]:
    """How well a training does on its held-out cases; see `validated_cases`.

    Raises:
        ValueError: the network's output is not finite; the epoch and the case are named.
    """
    cases, settings = training.validation_cases, training.settings
    try:
        return validated_cases(
            training.runner, settings.cases, cases, training.ranks, between_cases, keep_masks=settings.validation.masks
        )
    except NotFiniteError as error:
        raise ValueError(
            f"training stopped at epoch {training.epoch}, in validation: {error}; lower train.learning_rate, or use "
            "train.precision float32"
        ) from None


def validated_cases(
    runner: Runner,
    store: Path,
    case_ids: Sequence[str],
    ranks: Ranks = ALONE,
    between_cases: BetweenCases = _nothing,
    *,
    keep_masks: bool = False,
) -> dict[str, ValidatedCase]:
    """Some cases segmented and scored, by their ids in this order, on their prepared grids.

    Where a case has an organ mask, only the organ counts: the vessels were drawn there alone. So it is with voxels of
    which nobody knows what they are. Ranks share the cases; all get what was found.

    Args:
        between_cases: called with the number of cases that are done, on every rank between two rounds of them; it may
            raise to stop the validation.
        keep_masks: keep what was predicted.

    Raises:
        NotFiniteError: the network's output is not finite; the case is named.
    """
    found: dict[str, ValidatedCase] = {}
    for first in range(0, len(case_ids), ranks.world):
        if first:
            between_cases(first)
        for case_id in case_ids[first + ranks.rank : first + ranks.rank + 1]:
            validated = validated_case(runner, read_case(store, case_id))
            found[case_id] = validated if keep_masks else ValidatedCase(validated.scores)
    everyone = {case_id: case for of_rank in ranks.gathered(found) for case_id, case in of_rank.items()}
    return {case_id: everyone[case_id] for case_id in case_ids}


def validated_case(runner: Runner, case: Case) -> ValidatedCase:
    """A case segmented and scored."""
    try:
        probabilities = runner.main_probabilities(case.arrays["image"])
    except NotFiniteError as error:
        raise NotFiniteError(f"case {case.case_id}: {error}") from None
    tasks, truth = runner.tasks, true_class_map(case)
    predicted = counted = class_map_of(inside_organ(probabilities, case), tasks)
    if (labelled := known(truth)) is not None:
        counted, truth = predicted * labelled, truth * labelled
    pairs = zip(masks_of(counted, tasks).items(), masks_of(truth, tasks).values(), strict=True)
    spacing = spacing_of(case)
    scores = {
        name: (dice(found, sought), cldice(found, sought, spacing))
        for (name, found), sought in pairs
        if found.any() or sought.any()
    }
    return ValidatedCase(scores, predicted)


def measures_of(cases: Iterable[ValidatedCase], segmented: Sequence[str]) -> dict[str, float]:
    """Mean Dice and clDice over cases, of what is `segmented`: "dice" and "cldice".

    Of several classes or regions each has its means, "dice/NAME" and "cldice/NAME", and "dice" and "cldice" are those
    over them. A mask with nothing to find, in which nothing was found, is in no mean; where there is no other, the
    means are 1.
    """
    cases = list(cases)
    means = {
        name: np.mean([case.scores[name] for case in cases if name in case.scores] or [(1.0, 1.0)], axis=0)
        for name in segmented
    }
    return _row_of(means, len(segmented) > 1)


def case_rows(epoch: int, cases: Mapping[str, ValidatedCase], segmented: Sequence[str]) -> list[CaseRow]:
    """A row a case with its scores, by the names of `measures_of`; without those of masks that are in neither truth nor
    prediction."""
    several = len(segmented) > 1
    return [
        {"epoch": float(epoch), "case": case_id, **(_row_of(case.scores, several) if case.scores else {})}
        for case_id, case in cases.items()
    ]


def _row_of(scores: Mapping[str, Sequence[float] | np.ndarray], several: bool) -> dict[str, float]:
    """Dice and clDice over masks, and of each where several are told apart."""
    overall = np.mean(np.array([*scores.values()]), axis=0)
    row = dict(zip(MEASURES, map(float, overall)))
    for name, values in scores.items() if several else ():
        row |= {f"{measure}/{name}": float(value) for measure, value in zip(MEASURES, values)}
    return row
