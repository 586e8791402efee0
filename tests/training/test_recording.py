"""What an epoch leaves: which checkpoints are due, what is kept before anything is shown, and when nothing is left."""

import math
from types import SimpleNamespace
from typing import Any

import pytest

from ramify.training import recording
from ramify.training.recording import Recorder, checkpoints_due
from ramify.training.running_means import RunningMeans
from ramify.training.validation import ValidatedCase


def training_at(epoch: int, *, best: float = -math.inf, epochs: int = 3, best_by: str = "dice") -> Any:
    """What recording asks of a training."""
    validation = SimpleNamespace(best_by=best_by, every=1, figures_every=1, patience=None)
    settings = SimpleNamespace(train=SimpleNamespace(epochs=epochs), validation=validation)
    runner = SimpleNamespace(tasks=SimpleNamespace(segmented=("vessels",)))
    kept: dict[str, Any] = {"history": [{"epoch": float(done)} for done in range(epoch)], "case_scores": []}
    return SimpleNamespace(settings=settings, epoch=epoch, step=7, means=None, best=best, runner=runner, **kept)


@pytest.mark.parametrize(
    ("epoch", "best", "row", "names"),
    [
        (0, -math.inf, {}, ["latest"]),
        (0, -math.inf, {"validation/dice": 0.0}, ["best", "latest"]),
        (1, 0.5, {"validation/dice": 0.5}, ["latest"]),
        (1, 0.5, {"validation/dice": 0.6}, ["best", "latest"]),
        (2, 0.5, {"validation/dice": 0.4}, ["final", "latest"]),
        (2, 0.5, {"validation/dice": 0.6}, ["best", "final", "latest"]),
    ],
)
def test_best_is_of_a_higher_score_and_final_of_the_last_epoch_and_latest_comes_last(epoch, best, row, names):
    assert checkpoints_due(training_at(epoch, best=best), row) == names


def test_best_is_by_the_measure_that_was_chosen():
    row = {"validation/dice": 0.9, "validation/cldice": 0.1}
    assert checkpoints_due(training_at(0, best=0.5), row) == ["best", "latest"]
    assert checkpoints_due(training_at(0, best=0.5, best_by="cldice"), row) == ["latest"]


def test_an_epoch_is_kept_whole_before_the_checkpoints_are_written(monkeypatch):
    training, saved = training_at(1, best=0.5), []

    def save(its: Any, names: list[str]) -> None:
        saved.append((names, its.epoch, its.step, its.best, list(its.history)))

    monkeypatch.setattr(recording, "save", save)
    row = {"epoch": 1.0, "validation/dice": 0.7}
    Recorder(training, None, None).keep(row)
    assert saved == [(["best", "latest"], 2, 0, 0.7, [{"epoch": 0.0}, row])]
    assert isinstance(training.means, RunningMeans)


def test_the_cases_of_an_epoch_that_is_validated_anew_replace_those_before(monkeypatch):
    monkeypatch.setattr(recording, "save", lambda *_: None)
    training = training_at(1)
    training.case_scores = [{"epoch": epoch, "case": "a", "dice": 0.1} for epoch in (0.0, 1.0)]
    Recorder(training, None, None).keep({"epoch": 1.0}, {"a": ValidatedCase({"vessels": (0.5, 0.4)})})
    assert training.case_scores == [
        {"epoch": 0.0, "case": "a", "dice": 0.1},
        {"epoch": 1.0, "case": "a", "dice": 0.5, "cldice": 0.4},
    ]


def test_a_score_that_is_lower_leaves_the_best_as_it_was(monkeypatch):
    monkeypatch.setattr(recording, "save", lambda *_: None)
    training = training_at(1, best=0.8)
    Recorder(training, None, None).keep({"epoch": 1.0, "validation/dice": 0.7})
    assert training.best == 0.8


def test_only_validations_are_told_of_and_only_with_pictures_where_there_was_one():
    shown, told = [], []
    presentation: Any = SimpleNamespace(
        epoch=lambda row, cases: shown.append((row["epoch"], [*cases])), conclude=shown.append
    )
    recorder = Recorder(training_at(0), presentation, lambda epoch, measures: told.append((epoch, measures)))
    recorder.show({"epoch": 0.0}, {})
    recorder.show({"epoch": 1.0}, {"dice": 0.3}, {"a": ValidatedCase({"vessels": (0.3, 0.4)})})
    recorder.conclude({"dice": 0.3})
    assert shown == [(0.0, []), (1.0, ["a"]), {"dice": 0.3}]
    assert told == [(1, {"dice": 0.3})]


def test_ranks_that_do_not_write_show_nothing():
    recorder = Recorder(training_at(0), None, None)
    recorder.show({"epoch": 0.0}, {"dice": 0.3})
    recorder.conclude({})
