"""Workers in one process, with trials that take no time; test_killed_workers.py has real ones."""

import threading
import time
import warnings

import optuna
import pytest
from optuna.trial import TrialState

from ramify.tuning import workers
from ramify.tuning.interruption import Interruption
from ramify.tuning.objective import TrialFailed
from ramify.tuning.storage import open_storage
from ramify.tuning.trials import standing
from ramify.tuning.workers import run_workers, work
from tests.tuning.tiny_studies import InterruptedAt, opened, space_for


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def quick(trial, settings, space, begun, interruption):
    """A trial of no training."""
    values = space.suggest(trial)
    trial.set_user_attr("worker", {"attempt": trial.number})
    begun()
    time.sleep(0.02)
    with interruption.at_once(), interruption.not_now():
        pass
    return [values["loss.temperature"]]


def states(study: optuna.Study) -> dict[str, int]:
    found = [trial.state.name for trial in standing(study).latest.values()]
    return {name: found.count(name) for name in found}


def test_the_number_is_a_total_and_not_an_addition(settings_of, monkeypatch):
    monkeypatch.setattr(workers, "run_trial", quick)
    settings = settings_of(trials=3)
    study, space, storage = opened(settings)
    work(settings, space, storage, Interruption())
    assert states(study) == {"COMPLETE": 3}
    work(settings, space, storage, Interruption())
    assert states(study) == {"COMPLETE": 3}, "nothing is left to do"
    work(settings_of(trials=5), space, storage, Interruption())
    assert states(study) == {"COMPLETE": 5}
    work(settings_of(trials=2), space, storage, Interruption())
    assert states(study) == {"COMPLETE": 5}


def test_many_workers_at_once_make_no_trial_too_many(settings_of, monkeypatch):
    monkeypatch.setattr(workers, "run_trial", quick)
    settings = settings_of(trials=9)
    study, space, _ = opened(settings)

    def one() -> None:
        storage = open_storage(settings.storage_url, settings.heartbeat_seconds, settings.retries)
        work(settings, space, storage, Interruption())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Filters are of the whole process, and threads switch them under one another.
        threads = [threading.Thread(target=one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(study.trials) == 9
    assert states(study) == {"COMPLETE": 9}
    values = [trial.params["loss.temperature"] for trial in study.trials]
    assert len(set(values)) == 9, "no two workers draw alike"


def test_an_interrupted_worker_queues_its_trial_again_and_the_next_takes_it_up(settings_of, monkeypatch):
    monkeypatch.setattr(workers, "run_trial", quick)
    settings = settings_of(trials=2)
    study, space, storage = opened(settings)
    interruption = InterruptedAt(0)
    with pytest.raises(KeyboardInterrupt):
        work(settings, space, storage, interruption)
    assert [trial.state.name for trial in study.trials] == ["FAIL", "WAITING"]
    work(settings, space, storage, Interruption())
    assert [trial.state.name for trial in study.trials] == ["FAIL", "COMPLETE", "COMPLETE"]
    assert list(standing(study).latest) == [0, 2]
    assert study.trials[1].params == study.trials[0].params


def test_an_interrupted_trial_waits_again_before_it_is_failed(settings_of, monkeypatch):
    """Between the two, another machine's workers would see a study with nothing left to do, and leave."""
    monkeypatch.setattr(workers, "run_trial", quick)
    settings = settings_of(trials=1)
    study, space, storage = opened(settings)
    seen = []
    set_state = storage.set_trial_state_values

    def look(trial_id: int, state: TrialState, values=None) -> bool:
        if state is TrialState.FAIL:
            seen.append([trial.state.name for trial in study.trials])
        return set_state(trial_id, state, values)

    monkeypatch.setattr(storage, "set_trial_state_values", look)
    with pytest.raises(KeyboardInterrupt):
        work(settings, space, storage, InterruptedAt(0))
    assert seen == [["RUNNING", "WAITING"]]
    assert [trial.state.name for trial in study.trials] == ["FAIL", "WAITING"]


def test_a_study_interrupted_in_a_trial_draws_as_one_that_ran_through(settings_of, monkeypatch):
    monkeypatch.setattr(workers, "run_trial", quick)
    drawn = {}
    for name in ("whole", "interrupted"):
        settings = settings_of(trials=8, random_trials=3, study=name)
        study, space, storage = opened(settings)
        for validations in (1, 2) if name == "interrupted" else ():
            with pytest.raises(KeyboardInterrupt):
                work(settings, space, storage, InterruptedAt(validations))
        work(settings, space, storage, Interruption())
        drawn[name] = [trial.params for trial in standing(study).latest.values()]
    assert len(drawn["whole"]) == 8
    assert drawn["interrupted"] == drawn["whole"]


def test_a_failed_trial_counts_and_the_study_goes_on(settings_of, monkeypatch):
    def fails_once(trial, settings, space, begun, interruption):
        if trial.number == 1:
            begun()
            trial.set_user_attr("reason", "not finite")
            raise TrialFailed("not finite")
        return quick(trial, settings, space, begun, interruption)

    monkeypatch.setattr(workers, "run_trial", fails_once)
    settings = settings_of(trials=4)
    study, space, storage = opened(settings)
    work(settings, space, storage, Interruption())
    assert states(study) == {"COMPLETE": 3, "FAIL": 1}


def test_a_study_whose_trials_all_fail_alike_is_given_up(settings_of, monkeypatch):
    def fails(trial, settings, space, begun, interruption):
        begun()
        trial.set_user_attr("reason", "lambda_scales: expected 2 weights")
        raise TrialFailed("lambda_scales: expected 2 weights")

    monkeypatch.setattr(workers, "run_trial", fails)
    settings = settings_of(trials=50)
    study, space, storage = opened(settings)
    work(settings, space, storage, Interruption())
    assert states(study) == {"FAIL": 3}
    assert standing(study).hopeless() == "lambda_scales: expected 2 weights"
    work(settings, space, storage, Interruption(), standing(study).ended)
    assert states(study) == {"FAIL": 6}, "another call tries again"


def test_a_worker_waits_for_the_trial_of_another_and_takes_it_up_when_that_dies(settings_of, monkeypatch):
    """Nothing is left to begin, but a trial runs whose worker gives no sign of life."""
    monkeypatch.setattr(workers, "run_trial", quick)
    settings = settings_of(trials=1)
    study, space, storage = opened(settings)
    monkeypatch.setattr(storage, "grace_period", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dead = study.ask()
    storage.record_heartbeat(dead._trial_id)
    dead.set_user_attr("worker", {"attempt": dead.number})
    # Had it not waited, it would have left: at first there is nothing for it to do.
    work(settings, space, storage, Interruption())
    assert [trial.state.name for trial in study.trials] == ["FAIL", "COMPLETE"]
    assert list(standing(study).latest) == [0]


def test_a_result_that_comes_too_late_is_dropped(settings_of, monkeypatch):
    settings = settings_of(trials=2)
    study, space, storage = opened(settings)

    def overtaken(trial, settings, space, begun, interruption):
        if trial.number == 0:
            study.tell(0, state=TrialState.FAIL)
        return quick(trial, settings, space, begun, interruption) if trial.number else [1.0]

    monkeypatch.setattr(workers, "run_trial", overtaken)
    work(settings, space, storage, Interruption())
    assert states(study) == {"FAIL": 1, "COMPLETE": 1}


def test_an_error_that_is_no_trials_ends_the_worker(settings_of, monkeypatch):
    def broken(trial, settings, space, begun, interruption):
        begun()
        raise optuna.exceptions.StorageInternalError("the database is gone")

    monkeypatch.setattr(workers, "run_trial", broken)
    settings = settings_of()
    study, space, storage = opened(settings)
    with pytest.raises(optuna.exceptions.StorageInternalError):
        work(settings, space, storage, Interruption())
    assert [trial.state.name for trial in study.trials] == ["FAIL", "WAITING"], "the trial is not to blame"


class DyingProcess:
    """A worker that is killed at once."""

    exitcode = -9

    def is_alive(self) -> bool:
        return False

    def terminate(self) -> None: ...

    def join(self) -> None: ...


def test_workers_that_die_again_and_again_are_not_replaced_for_ever(settings_of, monkeypatch, capsys):
    settings = settings_of(workers=2)
    started = []

    def start(number, *_):
        started.append(number)
        log = workers.log_file(settings.folder, number)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("importing\nIllegal instruction\n\n", encoding="utf-8")
        return DyingProcess()

    monkeypatch.setattr(workers, "_start", start)
    monkeypatch.setattr(workers, "LOOK_SECONDS", 0)
    with pytest.raises(OSError, match=r"worker_\d.log: 6 workers died .* killed by SIGKILL, .*; Illegal instruction"):
        run_workers(settings, space_for(settings), lambda: 0, [])
    assert len(started) == 2 + 5
    told = capsys.readouterr().err
    assert "worker 1 was killed by SIGKILL, as the system does when memory runs out; another takes its place" in told
