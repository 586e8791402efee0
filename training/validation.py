"""Validation: when it is due, and how well a network segments the held-out cases then."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ramify.data.case_store import Case, read_case
from ramify.data.loading import spacing_of
from ramify.metrics.centreline import cldice
from ramify.metrics.overlap import dice
from ramify.training.distributed import ALONE, Ranks
from ramify.training.inference import NotFiniteError
from ramify.training.runner import Runner, inside_organ
from ramify.training.segmentation import class_map_of, known, masks_of, true_class_map
from ramify.training.settings import RunSettings
from ramify.training.state import Training

BetweenCases = Callable[[int], None]


def _nothing(_: int) -> None:
    """What is done between two cases where nothing is asked for."""


def is_due(settings: RunSettings, epoch: int) -> bool:
    """Whether an epoch (from 0) ends with a validation: every so many do, and the last one does."""
    return is_last(settings, epoch) or (epoch + 1) % settings.validation.every == 0


def is_last(settings: RunSettings, epoch: int) -> bool:
    """Whether an epoch (from 0) is the last one."""
    return epoch + 1 == settings.train.epochs


def validation_of(training: Training, between_cases: BetweenCases = _nothing) -> dict[str, float]:
    """How well a training does on its held-out cases; see `validate`.

    Raises:
        ValueError: the network's output is not finite; the epoch and the case are named.
    """
    cases, store = training.validation_cases, training.settings.cases
    try:
        return validate(training.runner, store, cases, training.ranks, between_cases)
    except NotFiniteError as error:
        raise ValueError(
            f"training stopped at epoch {training.epoch}, in validation: {error}; lower train.learning_rate, or use "
            "train.precision float32"
        ) from None


def validate(
    runner: Runner,
    store: Path,
    case_ids: Sequence[str],
    ranks: Ranks = ALONE,
    between_cases: BetweenCases = _nothing,
) -> dict[str, float]:
    """Mean Dice and clDice over some cases, on their prepared grids, of what the main task tells apart.

    Of several classes or regions each has its means, "dice/NAME" and "cldice/NAME", and "dice" and "cldice" are those
    over them. A mask with nothing to find, in which nothing was found, is in no mean; where there is no other, the
    means are 1. Where the case has an organ mask, only the organ counts: the vessels were drawn there alone. So it is
    with voxels of which nobody knows what they are. Ranks share the cases; all get the means.

    Args:
        between_cases: called with the number of cases that are done, on every rank between two rounds of them; it may
            raise to stop the validation.

    Raises:
        NotFiniteError: the network's output is not finite; the case is named.
    """
    scores: list[tuple[str, float, float]] = []
    for first in range(0, len(case_ids), ranks.world):
        if first:
            between_cases(first)
        for case_id in case_ids[first + ranks.rank : first + ranks.rank + 1]:
            scores += scores_of_case(runner, read_case(store, case_id))
    everyone = [score for of_rank in ranks.gathered(scores) for score in of_rank]
    means = {
        name: np.mean([score[1:] for score in everyone if score[0] == name] or [(1.0, 1.0)], axis=0)
        for name in runner.tasks.segmented
    }
    mean_dice, mean_cldice = np.mean(list(means.values()), axis=0)
    row = {"dice": float(mean_dice), "cldice": float(mean_cldice)}
    if len(means) > 1:
        for name, values in means.items():
            row |= {f"{measure}/{name}": float(value) for measure, value in zip(("dice", "cldice"), values)}
    return row


def scores_of_case(runner: Runner, case: Case) -> list[tuple[str, float, float]]:
    """Name, Dice and clDice of each mask that is told apart and is in the truth or in the prediction."""
    try:
        probabilities = runner.main_probabilities(case.arrays["image"])
    except NotFiniteError as error:
        raise NotFiniteError(f"case {case.case_id}: {error}") from None
    tasks, truth = runner.tasks, true_class_map(case)
    predicted = class_map_of(inside_organ(probabilities, case), tasks)
    if (counted := known(truth)) is not None:
        predicted, truth = predicted * counted, truth * counted
    pairs = zip(masks_of(predicted, tasks).items(), masks_of(truth, tasks).values(), strict=True)
    spacing = spacing_of(case)
    return [
        (name, dice(found, sought), cldice(found, sought, spacing))
        for (name, found), sought in pairs
        if found.any() or sought.any()
    ]
