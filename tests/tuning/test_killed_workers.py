"""Workers killed with -9 in the middle of a trial, on SQLite and on PostgreSQL: none is lost, none is begun anew."""

import contextlib
import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
import yaml
from optuna.trial import FrozenTrial, TrialState

from ramify.command_line import parse
from ramify.command_line.yaml_settings import read_yaml
from ramify.training.checkpoint import load_checkpoint
from ramify.training.loop import train_run
from ramify.training.settings import RunSettings
from ramify.tuning import objective
from ramify.tuning.interruption import Interruption
from ramify.tuning.search_space import build_space
from ramify.tuning.settings import StudySettings
from ramify.tuning.storage import open_storage
from ramify.tuning.trials import standing
from ramify.tuning.workers import work
from tests.tuning import postgresql
from tests.tuning.tiny_studies import GATE, FakeTraining

ROOT = Path(__file__).parents[2]
EPOCHS = 4
PATIENCE_SECONDS = 300


def words_for(cases: Path, folder: Path, storage: str, trials: int, workers: int) -> list[str]:
    """Arguments of tune.py for tiny trainings."""
    config = {
        "cases": str(cases),
        "device": "cpu",
        "model": {"levels": 1, "base_channels": 1, "contrast": {"head": "per_scale"}},
        "loading": {"batch_size": 1},
        "loss": {"lambda_scales": [1.0, 1.0], "anchors": {"cap": 8}},
        "train": {"epochs": EPOCHS, "augment": False},
        "validation": {"every": 1, "figures_every": 100},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (folder / "space.yaml").write_text("train.learning_rate: {low: 1e-4, high: 1e-2, log: true}\n", encoding="utf-8")
    words = ["--config", str(folder / "config.yaml"), "--space", str(folder / "space.yaml"), "--study", "killed"]
    words += ["--output", str(folder), "--storage", storage, "--folds", "2", "--heartbeat-seconds", "1"]
    return [*words, "--trials", str(trials), "--workers", str(workers)]


def start(script: str, words: list[str], folder: Path) -> "subprocess.Popen[bytes]":
    """A script in a process group of its own."""
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", script, *words],
            cwd=ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, GATE: str(folder / "gate")},
        )


@contextlib.contextmanager
def watched(storage: str) -> Iterator[optuna.Study]:
    """The study, as soon as it is there."""
    opened = open_storage(storage, 1, 3)
    end = time.monotonic() + PATIENCE_SECONDS
    try:
        while "killed" not in optuna.get_all_study_names(opened):
            assert time.monotonic() < end, "no study was made"
            time.sleep(0.1)
        yield optuna.load_study(study_name="killed", storage=opened)
    finally:
        opened.remove_session()
        opened.engine.dispose()


def in_the_middle(study: optuna.Study) -> FrozenTrial:
    """A trial that is being trained now and has a checkpoint."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        time.sleep(0.05)
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            reached = trial.user_attrs.get("reached", {"fold": 0, "epoch": 0})
            if reached["fold"] == 0 and 1 <= reached["epoch"] < EPOCHS - 1:
                return trial
    raise AssertionError("no trial was seen in its middle")


def check_the_end(study: optuna.Study, folder: Path, trials: int, killed: FrozenTrial, begun: int) -> None:
    """Every trial has ended, the killed one after its checkpoint, and what was best trains."""
    log = (folder / "log.txt").read_text(errors="replace")
    latest = standing(study).latest
    assert len(latest) == trials, log
    assert {trial.state.name for trial in latest.values()} <= {"COMPLETE", "PRUNED"}, log
    first = study.trials[killed.number]
    again = latest[int(first.system_attrs.get("failed_trial", first.number))]
    assert first.state is TrialState.FAIL
    assert again.number > first.number
    assert again.params == killed.params
    assert again.system_attrs["retry_history"][-1] == first.number
    assert again.user_attrs["resumed"]["epoch"] > killed.user_attrs["reached"]["epoch"]
    assert set(killed.intermediate_values) <= set(again.intermediate_values)
    assert run_file(folder, killed).stat().st_mtime_ns == begun, "its training was begun anew"
    with (folder / "killed" / "trials.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == trials
    assert [row["attempts"] for row in rows if row["trial"] == str(killed.number)] == ["2"]
    best = RunSettings.model_validate(yaml.safe_load((folder / "killed" / "best.yaml").read_text(encoding="utf-8")))
    state = load_checkpoint(train_run(best).checkpoint("final"))
    assert state["epoch"] == EPOCHS
    assert len(list((folder / "killed" / "figures").glob("*.png"))) >= 4


def run_file(folder: Path, trial: FrozenTrial) -> Path:
    """Written once, when a training begins; not when it goes on."""
    return folder / "killed" / "trials" / f"trial_{trial.number:04d}" / "fold_0" / "run.json"


@pytest.mark.integration
def test_two_trials_with_two_workers_one_of_them_killed(tiny_cases, tmp_path):
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    process = start("tune", words_for(tiny_cases, tmp_path, storage, trials=2, workers=2), tmp_path)
    try:
        with watched(storage) as study:
            killed = in_the_middle(study)
            os.kill(killed.user_attrs["worker"]["pid"], signal.SIGKILL)
            begun = run_file(tmp_path, killed).stat().st_mtime_ns
            code = process.wait(PATIENCE_SECONDS)
            log = (tmp_path / "log.txt").read_text(errors="replace")
            assert code == 0, log
            assert "was killed by SIGKILL, as the system does when memory runs out; another takes its place" in log
            check_the_end(study, tmp_path, 2, killed, begun)
    finally:
        stop(process)


@pytest.mark.integration
@pytest.mark.skipif(postgresql.missing() is not None, reason=str(postgresql.missing()))
def test_one_of_two_machines_dies(tiny_cases, tmp_path):
    """Two calls of tune.py, each with a worker of its own, on one PostgreSQL; one is killed with all that is its."""
    with postgresql.running() as storage:
        words = words_for(tiny_cases, tmp_path, storage, trials=3, workers=1)
        processes = [start("tests.tuning.tune_without_training", words, tmp_path) for _ in range(2)]
        try:
            with watched(storage) as study:
                killed = in_the_middle(study)
                os.killpg(os.getpgid(killed.user_attrs["worker"]["pid"]), signal.SIGKILL)
                begun = run_file(tmp_path, killed).stat().st_mtime_ns
                (tmp_path / "gate").touch()
                codes = [process.wait(PATIENCE_SECONDS) for process in processes]
                log = (tmp_path / "log.txt").read_text(errors="replace")
                assert sorted(codes) == [-signal.SIGKILL, 0], log
                check_the_end(study, tmp_path, 3, killed, begun)
        finally:
            for process in processes:
                stop(process)


@pytest.mark.integration
def test_an_interrupted_study_goes_on(tiny_cases, tmp_path, monkeypatch):
    """SIGTERM reaches the worker, which queues its trial again; the next one takes it up at once."""
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    words = words_for(tiny_cases, tmp_path, storage, trials=1, workers=1)
    process = start("tests.tuning.tune_without_training", words, tmp_path)
    try:
        with watched(storage) as study:
            interrupted = in_the_middle(study)
            process.terminate()
            assert process.wait(PATIENCE_SECONDS) == 128 + signal.SIGTERM
            begun = run_file(tmp_path, interrupted).stat().st_mtime_ns
            with pytest.raises(ProcessLookupError):
                os.kill(interrupted.user_attrs["worker"]["pid"], 0)
            assert [trial.state.name for trial in study.trials] == ["FAIL", "WAITING"]

            monkeypatch.setattr(objective, "train_run", FakeTraining(lambda run, epoch: 0.5))
            settings = parse(StudySettings, "", words)
            space = build_space(read_yaml(settings.space), settings.training, "space.yaml")
            work(settings, space, open_storage(storage, 1, 3), Interruption())
            assert [trial.state.name for trial in study.trials] == ["FAIL", "COMPLETE"]
            assert study.trials[1].user_attrs["resumed"]["epoch"] > interrupted.user_attrs["reached"]["epoch"]
            assert run_file(tmp_path, interrupted).stat().st_mtime_ns == begun
    finally:
        stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a test's process and its workers, whatever became of them."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
