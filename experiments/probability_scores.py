"""Scores of a run's probabilities: at the threshold of a precision, at its own best one, and without any."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ramify.data.folds import load_fold, patients_of, scored_cases
from ramify.experiments.further_measures import AT_PRECISION, AVERAGE_PRECISION, OWN_THRESHOLD, probability_measures
from ramify.experiments.held_out import cases_of, probabilities_of
from ramify.experiments.operating_point import (
    LEVELS,
    Counts,
    Criterion,
    average_precision,
    best_threshold,
    counts_of,
    cross_fitted_thresholds,
    levels_of,
    threshold_for,
    threshold_of,
)
from ramify.experiments.plan import Run
from ramify.metrics.case import CaseScores, evaluate_case
from ramify.processes.temporary import temporary_folder
from ramify.training.predictor import Predictor


class ProbabilityScores(NamedTuple):
    """Scores of each held-out case, and at which probabilities they were taken.

    rows: case -> measure -> value; None at a threshold that is out of reach.
    thresholds: kind of threshold (`own_threshold`, ...) -> case -> probability; None where it is out of reach.
    """

    rows: dict[str, CaseScores]
    thresholds: dict[str, dict[str, float | None]]


def score_probabilities(run: Run) -> ProbabilityScores:
    """Everything that the run asks of its probabilities.

    Where the fold has a test set, a threshold is chosen on the fold's validation cases, and holds for every test case.
    Otherwise that of a case is chosen on held-out cases of other patients, parted into a few groups.

    A case is in memory while it is predicted or scored; in between, its levels are on disk.

    Raises ValueError or OSError where a case or the checkpoint cannot be read, or the only held-out cases are one
    patient's.
    """
    fold = load_fold(run.settings.cases, run.settings.splits, run.fold)
    scored, chosen_on = scored_cases(fold), fold["val"] if "test" in fold else []
    predictor = Predictor(run.folder.checkpoint("final"), run.settings.device)
    rows: dict[str, CaseScores] = {}
    with temporary_folder("levels") as folder:
        counts: dict[str, Counts] = {}
        for case in cases_of(run, [*scored, *chosen_on]):
            levels = levels_of(probabilities_of(case, predictor))
            counts[case.case_id] = counts_of(levels, case.truth.array, case.region)
            if case.case_id in scored:
                np.save(_file(folder, case.case_id), levels)

        of_scored = {case_id: counts[case_id] for case_id in scored}
        thresholds: dict[str, dict[str, int | None]] = {}
        for prefix, criterion in _criteria(run).items():
            if chosen_on:
                level = threshold_for([counts[case_id] for case_id in chosen_on], criterion)
                thresholds[prefix] = dict.fromkeys(scored, level)
            else:
                thresholds[prefix] = cross_fitted_thresholds(of_scored, patients_of(run.settings.cases), criterion)

        names = [measure.name for measure in probability_measures(run.further)]
        for case in cases_of(run, scored):
            row: CaseScores = dict.fromkeys(names)
            if run.further.average_precision:
                row[AVERAGE_PRECISION] = average_precision(*of_scored[case.case_id])
            levels = np.load(_file(folder, case.case_id))
            for prefix, of_cases in thresholds.items():
                if (level := of_cases[case.case_id]) is None:
                    continue
                scores = evaluate_case(
                    levels >= level, case.truth.array, case.image.spacing_mm, run.evaluation, case.region
                )
                row |= {name: scores[name.removeprefix(prefix)] for name in names if name.startswith(prefix)}
            rows[case.case_id] = row
    return ProbabilityScores(rows, {prefix.rstrip("_"): _shares(of) for prefix, of in thresholds.items()})


def _criteria(run: Run) -> dict[str, Criterion]:
    """How the names of the measures begin -> how their threshold is chosen."""
    found: dict[str, Criterion] = {}
    if run.further.at_precision is not None:
        found[AT_PRECISION] = partial(threshold_of, precision=run.further.at_precision)
    if run.further.own_threshold:
        found[OWN_THRESHOLD] = best_threshold
    return found


def _file(folder: Path, case_id: str) -> Path:
    return folder / f"{case_id}.npy"


def _shares(levels: dict[str, int | None]) -> dict[str, float | None]:
    """Levels as probabilities."""
    return {case_id: None if level is None else level / (LEVELS - 1) for case_id, level in levels.items()}
