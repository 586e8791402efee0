"""Validation: when it is due, and how well a network segments the held-out cases then."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ramify.data.case_store import read_case
from ramify.data.loading import spacing_of
from ramify.metrics.centreline import cldice
from ramify.metrics.overlap import dice
from ramify.training.distributed import ALONE, Ranks
from ramify.training.inference import VESSEL_PROBABILITY, NotFiniteError
from ramify.training.runner import Runner, inside_organ
from ramify.training.settings import RunSettings
from ramify.training.state import Training


def _nothing() -> None:
    """What is done between two cases where nothing is asked for."""


def is_due(settings: RunSettings, epoch: int) -> bool:
    """Whether an epoch (from 0) ends with a validation: every so many do, and the last one does."""
    return is_last(settings, epoch) or (epoch + 1) % settings.validation.every == 0


def is_last(settings: RunSettings, epoch: int) -> bool:
    """Whether an epoch (from 0) is the last one."""
    return epoch + 1 == settings.train.epochs


def validation_of(training: Training, between_cases: Callable[[], None] = _nothing) -> dict[str, float]:
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
    between_cases: Callable[[], None] = _nothing,
) -> dict[str, float]:
    """Mean Dice and clDice of the main task over some cases, on their prepared grids.

    A case with nothing to find, in which nothing was found, is in no mean; where there is no other, the means are 1.
    Where the case has an organ mask, only the organ counts: the vessels were drawn there alone. Ranks share the cases;
    all get the means.

    Args:
        between_cases: called on every rank between two rounds of cases; it may raise to stop the validation.

    Raises:
        NotFiniteError: the network's output is not finite; the case is named.
    """
    scores: list[tuple[float, float]] = []
    for first in range(0, len(case_ids), ranks.world):
        if first:
            between_cases()
        for case_id in case_ids[first + ranks.rank : first + ranks.rank + 1]:
            case = read_case(store, case_id)
            try:
                probability = runner.main_probability(case.arrays["image"])
            except NotFiniteError as error:
                raise NotFiniteError(f"case {case_id}: {error}") from None
            prediction = inside_organ(probability, case) >= VESSEL_PROBABILITY
            truth = np.asarray(case.arrays["scales"]) > 0
            if prediction.any() or truth.any():
                scores.append((dice(prediction, truth), cldice(prediction, truth, spacing_of(case))))
    everyone = [score for of_rank in ranks.gathered(scores) for score in of_rank]
    mean_dice, mean_cldice = np.mean(everyone or [(1.0, 1.0)], axis=0)
    return {"dice": float(mean_dice), "cldice": float(mean_cldice)}
