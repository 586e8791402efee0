"""Who does which run, and what becomes of runs that fail: with workers that only pretend."""

import itertools
from typing import Any, ClassVar

import pytest

from ramify.disk.json_files import write_json
from ramify.experiments import runner
from ramify.experiments.runner import run_experiment
from ramify.experiments.runs import ENDING_FILE, Ending, Stopwatch, ending_of, log_file
from ramify.experiments.workers import Outcome


class FakeWorker:
    """Ends every run at once, as `outcomes` has it; by default it finishes."""

    outcomes: ClassVar[dict[str, list[Outcome]]] = {}
    given: ClassVar[list[str]] = []
    started: ClassVar[list[tuple[int, int | None]]] = []
    stopped: ClassVar[int] = 0
    finish: Any = None

    def __init__(self, threads: int, gpu: int | None = None) -> None:
        self.run: Any = None
        self.watch: Any = None
        FakeWorker.started.append((threads, gpu))

    def give(self, run: Any) -> None:
        self.run, self.watch = run, Stopwatch(run)
        FakeWorker.given.append(run.name)

    def outcome(self) -> Any:
        if self.run is None:
            return None
        run, self.run = self.run, None
        waiting = FakeWorker.outcomes.get(run.name, [])
        outcome = waiting.pop(0) if waiting else Outcome()
        if not outcome.reason:
            FakeWorker.finish(run, {"case": 0.5})
        return run, outcome, self.watch

    def stop(self) -> None:
        FakeWorker.stopped += 1


@pytest.fixture
def workers(monkeypatch, finish) -> type[FakeWorker]:
    for name, value in {
        "outcomes": {},
        "given": [],
        "started": [],
        "stopped": 0,
        "finish": staticmethod(finish),
    }.items():
        setattr(FakeWorker, name, value)
    monkeypatch.setattr(runner, "Worker", FakeWorker)
    monkeypatch.setattr(runner, "wait_for_news", lambda workers, seconds: None)
    return FakeWorker


def test_every_run_once_and_none_again(plan, workers, capsys):
    experiment, runs = plan(workers=3, threads=2, gpus=(4, 6))
    endings = run_experiment(experiment, runs)
    assert sorted(workers.given) == sorted(run.name for run in runs)
    assert {ending.state for ending in endings.values()} == {"finished"}
    assert workers.started == [(2, 4), (2, 6), (2, 4)]
    assert workers.stopped == 3
    assert "8 of 8 runs to do, 3 at a time" in capsys.readouterr().err
    again = run_experiment(experiment, runs)
    assert again.keys() == endings.keys()
    assert len(workers.given) == 8


def test_an_interruption_says_how_many_runs_have_ended_and_how_to_go_on(plan, workers, monkeypatch):
    experiment, runs = plan()
    looks = itertools.count()

    def interrupted_at_the_third(*_: object) -> None:
        if next(looks) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(runner, "wait_for_news", interrupted_at_the_third)
    with pytest.raises(KeyboardInterrupt) as stop:
        run_experiment(experiment, runs)
    said = "2 of 8 runs have ended, those at work are at their latest checkpoints; the same command goes on"
    assert stop.value.__notes__ == [said]
    assert workers.stopped == len(workers.started)


def test_a_failure_is_recorded_and_does_not_cost_the_others(plan, workers, capsys):
    experiment, runs = plan()
    workers.outcomes[runs[1].name] = [Outcome("training stopped at epoch 3: the loss is nan")]
    endings = run_experiment(experiment, runs)
    assert [ending.state for ending in endings.values()].count("finished") == 7
    found = ending_of(runs[1])
    assert found is not None
    assert (found.state, found.reason) == ("failed", "training stopped at epoch 3: the loss is nan")
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("failed: ")]
    assert lines == [f"failed: {runs[1].name}: training stopped at epoch 3: the loss is nan"]
    # Another session tries it again, and only it.
    workers.given.clear()
    assert run_experiment(experiment, runs)[runs[1].name].state == "finished"
    assert workers.given == [runs[1].name]


def test_a_variant_that_does_not_fit_costs_one_line(plan, workers, capsys):
    experiment, runs = plan()
    workers.outcomes[runs[1].name] = [Outcome("out of memory (2 TiB)", for_memory=True)]
    endings = run_experiment(experiment, runs)
    ours = [run for run in runs if run.variant == "ours"]
    assert [endings[run.name].state for run in ours] == ["failed"] * 4
    assert endings[ours[1].name].reason == "not begun: out of memory (2 TiB)"
    assert workers.given.count(runs[1].name) == 1
    assert len(workers.given) == 5
    lines = [line for line in capsys.readouterr().err.splitlines() if "memory" in line]
    assert len(lines) == 1
    assert (
        "try fewer --workers, a smaller batch or a smaller patch; the variant's other 3 runs are left out" in lines[0]
    )


def test_a_run_whose_process_was_killed_is_tried_again_at_the_end(plan, workers, capsys):
    experiment, runs = plan()
    died = Outcome("its process was killed by SIGKILL", for_memory=True, died=True)
    workers.outcomes[runs[0].name] = [died]
    workers.outcomes[runs[3].name] = [died, died]
    endings = run_experiment(experiment, runs)
    assert endings[runs[0].name].state == "finished"
    assert endings[runs[3].name].state == "failed"
    assert workers.given[8:] == [runs[0].name, runs[3].name]
    assert capsys.readouterr().err.count("again later: ") == 2


def test_scores_of_another_evaluation_are_made_anew(plan, workers):
    experiment, runs = plan()
    run_experiment(experiment, runs)
    changed, other = plan(evaluation={"skeleton": "scikit-image"})
    assert ending_of(other[0]) is None
    workers.given.clear()
    run_experiment(changed, other)
    assert len(workers.given) == 8


def test_workers_end_when_the_experiment_is_told_to_stop(plan, workers, monkeypatch):
    experiment, runs = plan(workers=2)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "wait_for_news", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_experiment(experiment, runs)
    assert workers.stopped == 2


def test_a_failed_ending_is_kept_as_it_was(plan):
    _, runs = plan()
    runner.record_ending(runs[0], Ending("failed", 2.5, 1, "why"))
    assert ending_of(runs[0]) == Ending("failed", 2.5, 1, "why")
    assert ending_of(runs[1]) is None
    assert log_file(runs[0]).parent == runs[0].folder.root


def test_an_experiment_of_before_is_not_done_again(plan, finish):
    """Its runs have the same record under another name."""
    _, runs = plan()
    finish(runs[0], {"case": 0.5})
    root = runs[0].folder.root
    (root / ENDING_FILE).rename(root / "piece.json")
    ending = ending_of(runs[0])
    assert ending is not None
    assert ending.state == "finished"


@pytest.mark.parametrize(
    "record",
    [
        {"state": "finished"},
        {"state": "failed", "seconds": 1.0, "epochs": 2, "ended": "2024"},
        {"state": "gone", "seconds": 1.0, "epochs": 2},
        ["finished"],
    ],
)
def test_an_ending_of_another_version_is_none(plan, finish, record):
    _, runs = plan()
    finish(runs[0], {"case": 0.5})
    write_json(runs[0].folder.root / ENDING_FILE, record)
    assert ending_of(runs[0]) is None
