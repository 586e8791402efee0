"""Runs given out to a Dask scheduler's workers: one of these is lost, and no run with it."""

import os
import signal
import time

import pytest

from ramify.experiments import runner
from ramify.experiments.attempt import Outcome, Report
from ramify.experiments.runner import run_experiment
from ramify.experiments.runs import Ending, ending_of

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="needs signals")]
UNLUCKY, DEADLY, FAULTY = "ours, fold 0, seed 0", "base, fold 1, seed 0", "ours, fold 1, seed 0"


def pretend(runs, name):
    """A run that trains nothing. The worker that one of them is at work at is killed, and the process of another."""
    root = runs[name].folder.root
    root.mkdir(parents=True, exist_ok=True)
    begun = root / "begun"
    times = len(begun.read_text(encoding="ascii")) if begun.exists() else 0
    begun.write_text("x" * (times + 1), encoding="ascii")
    if name == UNLUCKY and not times:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)
    if name == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    reason = "training stopped at epoch 3: the loss is nan" if name == FAULTY else ""
    return Report(name, Outcome(reason), Ending("failed" if reason else "finished", 1.0, 10, reason))


def test_a_worker_that_is_lost_costs_no_run(cluster, plan, monkeypatch, capsys):
    monkeypatch.setattr(runner, "attempt", pretend)
    experiment, runs = plan(cluster=cluster, seeds=(0,))
    endings = run_experiment(experiment, runs)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"4 of 4 runs to do, on {cluster}"
    assert {name: ending.state for name, ending in endings.items()} == {
        "base, fold 0, seed 0": "finished",
        UNLUCKY: "finished",
        DEADLY: "failed",
        FAULTY: "failed",
    }
    times = {run.name: len((run.folder.root / "begun").read_text(encoding="ascii")) for run in runs}
    assert times == {"base, fold 0, seed 0": 1, UNLUCKY: 2, DEADLY: 2, FAULTY: 1}
    how = "its worker process was killed by SIGKILL, as the system does when memory runs out (on "
    (again,) = [line for line in said if line.startswith("again later: ")]
    assert again.startswith(f"again later: {DEADLY}: {how}")
    failed = [line for line in said if line.startswith("failed: ")]
    assert len(failed) == 2
    assert any(line.startswith(f"failed: {DEADLY}: {how}") for line in failed)
    assert f"failed: {FAULTY}: training stopped at epoch 3: the loss is nan" in failed
    assert {run.name: ending_of(run) for run in runs if run.name in (DEADLY, FAULTY)} == {
        name: endings[name] for name in (DEADLY, FAULTY)
    }
