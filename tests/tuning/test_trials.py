"""A study of seven Optuna trials, drawn by hand, and how its user counts them."""

import warnings
from datetime import datetime, timedelta
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from ramify.tuning.storage import open_storage
from ramify.tuning.trials import Standing, failure, first_number, queue_again, release_abandoned, standing

NOW = datetime(2024, 1, 1)


def attempt(number: int, state: str, retry_of: int | None = None, minute: int = 0, **user_attrs: Any) -> FrozenTrial:
    ended = TrialState[state].is_finished()
    return FrozenTrial(
        number=number,
        trial_id=number,
        state=TrialState[state],
        value=0.5 if state == "COMPLETE" else None,
        datetime_start=None if state == "WAITING" else NOW,
        datetime_complete=NOW + timedelta(minutes=minute) if ended else None,
        params={},
        distributions={},
        user_attrs=user_attrs,
        system_attrs={} if retry_of is None else {"failed_trial": retry_of, "retry_history": [retry_of]},
        intermediate_values={},
    )


#   0 completed · 1 killed, then completed as 4 · 2 diverged · 3 killed, waits as 5 · 6 running
BY_HAND = Standing(
    (
        attempt(0, "COMPLETE", minute=9),
        attempt(1, "FAIL", minute=2),
        attempt(2, "FAIL", minute=3, reason="not finite"),
        attempt(3, "FAIL", minute=4),
        attempt(4, "COMPLETE", retry_of=1, minute=5),
        attempt(5, "WAITING", retry_of=3),
        attempt(6, "RUNNING"),
    )
)


def test_a_trial_taken_up_again_is_one_trial():
    assert list(BY_HAND.latest) == [0, 1, 2, 3, 6]
    assert BY_HAND.latest[1].number == 4
    assert BY_HAND.latest[3].number == 5
    assert [first_number(each) for each in BY_HAND.attempts] == [0, 1, 2, 3, 1, 3, 6]


def test_ended_ones_come_in_the_order_they_ended():
    assert BY_HAND.ended == [2, 1, 0]


@pytest.mark.parametrize(("wanted", "asks"), [(1, True), (5, True), (9, True)])
def test_what_waits_asks_for_a_worker_whatever_the_number(wanted, asks):
    assert BY_HAND.asks_for_a_worker(wanted) is asks


@pytest.mark.parametrize(("wanted", "asks"), [(1, False), (2, False), (3, True)])
def test_a_running_trial_counts_towards_the_number(wanted, asks):
    assert Standing((attempt(0, "COMPLETE"), attempt(1, "RUNNING"))).asks_for_a_worker(wanted) is asks


def test_reasons():
    assert [failure(each) for each in BY_HAND.attempts[:3]] == [None, "its worker died, 1 times in all", "not finite"]


@pytest.mark.parametrize(
    ("reasons", "hopeless"),
    [
        (["a", "a"], None),
        (["a", "a", "a"], "a"),
        (["a", "b", "a"], None),
        (["b", "a", "a", "a"], "a"),
        (["a", "a", "a", None], None),
        ([None, "a", "a"], None),
    ],
)
def test_the_same_failure_three_times_in_a_row_is_hopeless(reasons, hopeless):
    attempts = tuple(
        attempt(number, "FAIL", minute=number, reason=reason) if reason else attempt(number, "COMPLETE", minute=number)
        for number, reason in enumerate(reasons)
    )
    assert Standing(attempts).hopeless() == hopeless
    assert Standing(attempts).hopeless(range(len(reasons) - 2)) is None, "two since then are too few"


@pytest.fixture
def study(tmp_path):
    storage = open_storage(f"sqlite:///{tmp_path / 'study.db'}", 1, 2)
    return optuna.create_study(study_name="study", storage=storage), storage


def begin(study: optuna.Study) -> optuna.Trial:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna would rather be asked by study.optimize, for its heartbeats.
        trial = study.ask()
    trial.suggest_float("x", 0, 1)
    return trial


def test_an_interrupted_trial_waits_with_all_it_had(study):
    study, _ = study
    trial = begin(study)
    trial.report(0.5, 3)
    trial.set_user_attr("reached", {"seconds": 7.0})
    study.tell(trial, state=TrialState.FAIL)
    queue_again(study, 0)
    queue_again(study, 0)  # Once is enough.
    failed, waiting = study.trials
    assert waiting.state is TrialState.WAITING
    assert (waiting.params, waiting.intermediate_values) == (failed.params, {3: 0.5})
    assert waiting.user_attrs["reached"] == {"seconds": 7.0}
    # It is the same trial, and its worker's end does not count as a death.
    assert list(standing(study).latest) == [0]
    assert waiting.system_attrs.get("retry_history", []) == []
    again = begin(study)
    assert again.number == 1
    assert again.params == failed.params


def test_an_ended_trial_is_not_queued_again(study):
    study, _ = study
    study.tell(begin(study), 0.5)
    queue_again(study, 0)
    assert len(study.trials) == 1


def test_a_worker_that_died_before_its_first_heartbeat(study, monkeypatch):
    study, storage = study
    begin(study)
    release_abandoned(study, storage)
    assert [each.state.name for each in study.trials] == ["RUNNING"]
    monkeypatch.setattr(storage, "grace_period", 0)
    release_abandoned(study, storage)
    assert [each.state.name for each in study.trials] == ["FAIL", "WAITING"]
    assert list(standing(study).latest) == [0]


def test_a_worker_killed_after_it_queued_its_trial_does_not_queue_it_twice(study, monkeypatch):
    study, storage = study
    begin(study)
    queue_again(study, 0)
    assert [each.state.name for each in study.trials] == ["RUNNING", "WAITING"]
    monkeypatch.setattr(storage, "grace_period", 0)
    release_abandoned(study, storage)
    assert [each.state.name for each in study.trials] == ["FAIL", "WAITING"]
    assert list(standing(study).latest) == [0]


def test_a_worker_that_has_begun_is_left_to_its_heartbeats(study, monkeypatch):
    study, storage = study
    begin(study).set_user_attr("worker", {"attempt": 0})
    monkeypatch.setattr(storage, "grace_period", 0)
    release_abandoned(study, storage)
    assert [each.state.name for each in study.trials] == ["RUNNING"]
