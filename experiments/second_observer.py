"""What a second person's masks of the held-out cases score against the first one's: the level that people reach."""

import glob
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ramify.comparison.results import RESULTS_FILE
from ramify.data.case_paths import CASE
from ramify.data.files import read_mask
from ramify.data.folds import load_fold, scored_cases
from ramify.data.labelled_file import LabelledFile
from ramify.data.provenance import versions
from ramify.disk.atomic_files import write_whole
from ramify.experiments.held_out import cases_of, truth_of
from ramify.experiments.plan import Run
from ramify.experiments.scored_classes import ScoredClasses
from ramify.experiments.settings import ExperimentSettings
from ramify.metrics.case import CaseScores
from ramify.metrics.table import build_report, to_json

FOLDER = "second_observer"


def check_second_observer(experiment: ExperimentSettings, runs: Sequence[Run], root: Path) -> None:
    """Refuse a pattern by which a held-out case has no mask, or several; raises as `score_second_observer`."""
    for case_id in _held_out(runs):
        _mask_of(case_id, root, experiment.second_observer)


def score_second_observer(experiment: ExperimentSettings, runs: Sequence[Run], root: Path) -> Path:
    """Score the second observer's masks of the held-out cases as predictions are; the file of the scores.

    Where the first variant tells classes apart, so do the second observer's files, by the values of the data set.

    Args:
        runs: of the experiment; their trained networks are not looked at.
        root: folder that the pattern is seen from.

    Raises:
        FileNotFoundError: no mask for a case.
        ValueError: several masks for a case, or one of another shape than its image.
    """
    rows: dict[str, CaseScores | dict[str, CaseScores]] = {}
    scored, evaluation = runs[0].scored, experiment.evaluation
    for case in cases_of(runs[0], _held_out(runs)):
        path = _mask_of(case.case_id, root, experiment.second_observer)
        drawn, truth = _drawn(path, scored), truth_of(case, scored)
        if drawn.shape != truth.shape:
            raise ValueError(f"{path}: has shape {drawn.shape}, its image {truth.shape}; is it of this case?")
        rows[case.case_id] = scored.score(drawn, truth, case.image.spacing_mm, evaluation, case.region)
    path = experiment.folder / FOLDER / RESULTS_FILE
    report = build_report(rows, {}, versions(), evaluation, scored.chosen, masks=scored.settings)
    write_whole(path, to_json(report))
    return path


def _drawn(path: Path, scored: ScoredClasses) -> NDArray[np.generic]:
    if not scored.told_apart:
        return read_mask(path).array
    return scored.as_written(LabelledFile(path).classed(scored.table, None).classes.array)


def _held_out(runs: Sequence[Run]) -> list[str]:
    """Every case that some run holds out to be scored, each once."""
    folds = {run.fold: load_fold(run.settings.cases, run.settings.splits, run.fold) for run in runs}
    return list(dict.fromkeys(case_id for fold in folds.values() for case_id in scored_cases(fold)))


def _mask_of(case_id: str, root: Path, pattern: str) -> Path:
    found = sorted(root.glob(pattern.replace(CASE, glob.escape(case_id))))
    if not found:
        raise FileNotFoundError(f"{root}: holds no {pattern.replace(CASE, case_id)}; correct second_observer")
    if len(found) > 1:
        raise ValueError(f"{found[0]}: {found[1].name} fits case {case_id} as well ({pattern}); keep one of them")
    return found[0]
