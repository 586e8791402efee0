"""Runs of an experiment without trainings: what would be on disk is written by hand."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ramify.experiments.plan import Run, runs_of
from ramify.experiments.runs import Ending, record_ending, results_file
from ramify.experiments.settings import ExperimentSettings
from ramify.metrics.measure import DEFINITIONS
from ramify.training.settings import RunSettings


@pytest.fixture
def plan(tmp_path: Path) -> Callable[..., tuple[ExperimentSettings, list[Run]]]:
    """A function that gives a small experiment and its runs of ten epochs; none of them is there yet."""

    def make(**settings: object) -> tuple[ExperimentSettings, list[Run]]:
        usual = {"variants": {"base": {}, "ours": {}}, "folds": (0, 1), "seeds": (0, 1), "measures": ("dice",)}
        place = {"name": "test", "output": tmp_path, "cases": tmp_path / "store"}
        experiment = ExperimentSettings.model_validate({**place, **usual, **settings})
        training = RunSettings.model_validate({"cases": "x", "output": "y", "train": {"epochs": 10}})
        return experiment, list(runs_of(experiment, dict.fromkeys(experiment.variants, training), None))

    return make


@pytest.fixture
def finish() -> Callable[..., Ending]:
    """A function that writes what a finished run leaves: its scores and how it ended."""

    def write(run: Run, dice: Mapping[str, float], seconds: float = 5.0) -> Ending:
        rows = {case: {"dice": value, "empty_prediction": False} for case, value in dice.items()}
        settings = run.evaluation.model_dump(mode="json")
        report = {"cases": rows, "failed": {}, "definitions": DEFINITIONS, "settings": settings}
        results_file(run).parent.mkdir(parents=True, exist_ok=True)
        results_file(run).write_text(json.dumps(report), encoding="utf-8")
        ending = Ending("finished", seconds, run.settings.train.epochs)
        record_ending(run, ending)
        return ending

    return write
