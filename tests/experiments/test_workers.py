"""Real processes: what becomes of their runs, and of them."""

import os
import signal
import time
from pathlib import Path

from ramify.experiments.plan import Run
from ramify.experiments.runs import log_file
from ramify.experiments.settings import Further
from ramify.experiments.workers import Worker, _attempt, wait_for_news
from ramify.metrics.settings import EvaluationSettings
from ramify.training.settings import RunSettings


def run_of(cases: Path, output: Path, name: str = "a", **settings: object) -> Run:
    given = {
        "cases": cases,
        "output": output / name,
        "resume": True,
        "device": "cpu",
        "model": {"tasks": {"auxiliary": "none"}, "levels": 2, "base_channels": 2},
        "loading": {"patch_size": (8, 8, 8)},
        "inference": {"window": (16, 16, 16)},
        "train": {"epochs": 1, "augment": False},
        "validation": {"every": 100, "figures_every": 100},
        **settings,
    }
    return Run(name, 0, 0, RunSettings.model_validate(given), None, Further(EvaluationSettings(measures=("overlap",))))


def news(worker: Worker, seconds: float = 120.0):
    deadline = time.monotonic() + seconds
    while (found := worker.outcome()) is None:
        assert time.monotonic() < deadline, "no news"
        wait_for_news([worker], 1.0)
    return found


def test_one_process_does_many_runs_and_is_replaced_when_it_dies(tiny_cases, tmp_path, monkeypatch):
    monkeypatch.setattr("ramify.experiments.workers.GRACE_SECONDS", 120.0)
    worker = Worker(threads=1)
    try:
        worker.give(run_of(tiny_cases, tmp_path))
        run, outcome, watch = news(worker)
        assert (outcome.reason, watch.epochs) == ("", 1), log_file(run).read_text(encoding="utf-8")
        assert log_file(run).is_file()
        assert worker.outcome() is None

        worker.give(run_of(tiny_cases, tmp_path, "diverging", train={"epochs": 2, "learning_rate": 1e30}))
        _, outcome, _ = news(worker)
        assert "not finite" in outcome.reason or "is nan" in outcome.reason
        assert "\n" not in outcome.reason
        assert (outcome.for_memory, outcome.died) == (False, False)

        # Memory that no machine has is refused at once.
        worker.give(run_of(tiny_cases, tmp_path, "huge", loading={"patch_size": (8192, 8192, 8192)}))
        _, outcome, _ = news(worker)
        assert outcome.for_memory
        assert outcome.reason.startswith("out of memory (")

        # An idle process ends by itself when it is no longer needed; a run that is given later gets another one.
        worker.stop()
        assert worker._process.exitcode == 0
        worker.give(run_of(tiny_cases, tmp_path, "endless", train={"epochs": 10**6}))
        process = worker._process
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        _, outcome, _ = news(worker)
        assert outcome.died
        assert outcome.reason == "its process was killed by SIGKILL, as the system does when memory runs out"
        # The next run gets a process of its own; told to stop, it stops in the middle of it.
        worker.give(run_of(tiny_cases, tmp_path, "endless", train={"epochs": 10**6}))
        assert worker._process.pid != process.pid
    finally:
        worker.stop()
    assert not worker._process.is_alive()


def test_whatever_stops_a_run_becomes_a_line(tmp_path, monkeypatch, capfd):
    run = run_of(tmp_path / "nowhere", tmp_path)
    assert _attempt(run).reason.endswith(
        "no such case store; make it with preprocess.py --output " + str(tmp_path / "nowhere")
    )

    def fault(_: Run) -> None:
        raise KeyError("two\nlines")

    monkeypatch.setattr("ramify.experiments.workers.carry_out", fault)
    outcome = _attempt(run)
    assert outcome.reason.startswith("KeyError: ")
    assert outcome.reason.endswith(f"(see {log_file(run)})")
    assert "Traceback" in capfd.readouterr().err
