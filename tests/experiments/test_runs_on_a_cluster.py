"""Runs given out to a Dask scheduler's workers: one of these is lost, and no run with it."""

import os
from typing import Any

import pytest

from ramify.experiments import runner
from ramify.experiments.attempt import Outcome, Report
from ramify.experiments.runner import run_experiment
from ramify.experiments.runs import Ending, ending_of
from ramify.processes.cluster_crew import ClusterCrew
from tests.experiments.pretended_runs import DEADLY, DONE, FAULTY, REASON, UNLUCKY, pretend

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="needs signals")]


class PretendingCrew(ClusterCrew[Any]):
    """Its processes only pretend."""

    def __init__(self, runs: Any, settings: Any, count: int, processes: Any) -> None:
        super().__init__({name: run.folder.root for name, run in runs.items()}, settings.cluster, processes)

    def reports(self, do: Any, *rest: Any) -> Any:
        for told in super().reports(pretend, *rest):
            if isinstance(told, Report):
                yield told
            else:
                name, reason = told
                ending = Ending("failed" if reason else "finished", 1.0, 10, reason)
                yield Report(name, Outcome(reason), ending)


def test_a_worker_that_is_lost_costs_no_run(cluster, plan, monkeypatch, capsys):
    monkeypatch.setattr(runner, "crew_of", PretendingCrew)
    experiment, runs = plan(cluster=cluster, seeds=(0,))
    endings = run_experiment(experiment, runs)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"4 of 4 runs to do, on {cluster}"
    states = {name: ending.state for name, ending in endings.items()}
    assert states == {DONE: "finished", UNLUCKY: "finished", DEADLY: "failed", FAULTY: "failed"}
    times = {run.name: len((run.folder.root / "begun").read_text(encoding="ascii")) for run in runs}
    # What was done at a worker whose report was lost with it is asked for once more, and found done.
    assert {name: times[name] for name in (UNLUCKY, DEADLY)} == {UNLUCKY: 2, DEADLY: 2}
    how = "its worker process was killed by SIGKILL, as the system does when memory runs out (on "
    (again,) = [line for line in said if line.startswith("again later: ")]
    assert again.startswith(f"again later: {DEADLY}: {how}")
    failed = sorted(line for line in said if line.startswith("failed: "))
    assert len(failed) == 2
    assert failed[0].startswith(f"failed: {DEADLY}: {how}")
    assert failed[1] == f"failed: {FAULTY}: {REASON}"
    for run in runs:
        if run.name in (DEADLY, FAULTY):
            assert ending_of(run) == endings[run.name]
