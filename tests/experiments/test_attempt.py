"""Real processes: what becomes of their runs, and of them."""

import os
import signal
from pathlib import Path

import pytest

from ramify.experiments.attempt import Outcome, _outcome, attempt, lost
from ramify.experiments.plan import Run
from ramify.experiments.runs import log_file
from ramify.experiments.settings import Further
from ramify.metrics.settings import EvaluationSettings
from ramify.processes.case_crew import CaseCrew
from ramify.processes.crew import Processes, Watcher
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


class Killer(Watcher):
    """Kills whoever is at work, and interrupts who looks on at the next one that is."""

    def __init__(self, crew: CaseCrew) -> None:
        self._crew, self._killed = crew, False

    def sees(self, case_ids) -> None:
        if case_ids and self._killed:
            raise KeyboardInterrupt
        if case_ids:
            self._killed = True
            os.kill(pid_of(self._crew), signal.SIGKILL)


def pid_of(crew: CaseCrew) -> int:
    (worker,) = crew._workers
    pid = worker._process.pid
    assert pid is not None
    return pid


@pytest.mark.integration
def test_one_process_does_many_runs_and_is_replaced_when_it_dies(tiny_cases, tmp_path):
    runs = [
        run_of(tiny_cases, tmp_path),
        run_of(tiny_cases, tmp_path, "diverging", train={"epochs": 2, "learning_rate": 1e30}),
        # Memory that no machine has is refused at once.
        run_of(tiny_cases, tmp_path, "huge", loading={"patch_size": (8192, 8192, 8192)}),
        run_of(tiny_cases, tmp_path, "endless", train={"epochs": 10**6}),
    ]
    done, diverging, huge, endless = (run.name for run in runs)
    with CaseCrew({run.name: run for run in runs}, 1, Processes(1, grace_seconds=120.0, attempts=1)) as crew:
        reports = crew.reports(attempt, [done, diverging, huge], lost)
        first = next(reports)
        process = pid_of(crew)
        assert first.outcome == Outcome(), log_file(runs[0]).read_text(encoding="utf-8")
        assert (first.name, first.ending.state, first.ending.epochs) == (done, "finished", 1)
        assert log_file(runs[0]).is_file()

        _, outcome, ending = next(reports)
        assert "not finite" in outcome.reason or "is nan" in outcome.reason
        assert "\n" not in outcome.reason
        assert not outcome.for_memory
        assert (ending.state, ending.reason) == ("failed", outcome.reason)

        _, outcome, _ = next(reports)
        assert outcome.for_memory
        assert outcome.reason.startswith("out of memory (")
        assert next(reports, None) is None
        assert pid_of(crew) == process

        killer = Killer(crew)
        ((_, outcome, ending),) = crew.reports(attempt, [endless], lost, killer)
        assert (outcome.for_memory, ending) == (True, None)
        assert outcome.reason == "its worker process was killed by SIGKILL, as the system does when memory runs out"
        # The next run gets a process of its own; told to stop, it stops in the middle of it.
        with pytest.raises(KeyboardInterrupt):
            list(crew.reports(attempt, [endless], lost, killer))
        assert not crew._workers


def test_whatever_stops_a_run_becomes_a_line(tmp_path, monkeypatch, capfd):
    run = run_of(tmp_path / "nowhere", tmp_path)
    assert _outcome(run).reason.endswith(
        "no such case store; make it with preprocess.py --output " + str(tmp_path / "nowhere")
    )

    def fault(_: Run) -> None:
        raise KeyError("two\nlines")

    monkeypatch.setattr("ramify.experiments.attempt.carry_out", fault)
    outcome = _outcome(run)
    assert outcome.reason.startswith("KeyError: ")
    assert outcome.reason.endswith(f"(see {log_file(run)})")
    assert "Traceback" in capfd.readouterr().err
