"""Who does which run, and what becomes of runs that fail: with a crew that only pretends."""

from collections import deque
from collections.abc import Generator
from typing import Any, ClassVar

import pytest

from ramify.disk.json_files import write_json
from ramify.experiments import runner
from ramify.experiments.attempt import Outcome, Report
from ramify.experiments.runner import run_experiment
from ramify.experiments.runs import ENDING_FILE, Ending, Stopwatch, ending_of, log_file
from ramify.processes.crew import Crew, Death, Processes, Watcher


class FakeCrew(Crew[Any]):
    """Ends every run at once, as `outcomes` has it; by default it finishes."""

    _remedy = "none: each run is begun once"

    outcomes: ClassVar[dict[str, list[Outcome | Death]]] = {}
    given: ClassVar[list[str]] = []
    made: ClassVar[list[Processes]] = []
    ended: ClassVar[int] = 0
    finish: Any = None
    interrupted_at: ClassVar[int | None] = None

    def __init__(self, tool: Any, settings: Any, count: int, processes: Processes) -> None:
        super().__init__(tool, processes)
        FakeCrew.made.append(processes)

    def __exit__(self, *_: object) -> None:
        FakeCrew.ended += 1

    def _outcomes(self, do: Any, waiting: deque[str], watcher: Watcher) -> Generator[Any, None, None]:
        while waiting:
            name = waiting.popleft()
            if not watcher.wants(name):
                continue
            if len(self.given) == self.interrupted_at:
                raise KeyboardInterrupt
            watcher.sees([name])
            self.given.append(name)
            run, outcomes = self.tool[name], self.outcomes.get(name, [])
            outcome = outcomes.pop(0) if outcomes else Outcome()
            if isinstance(outcome, Death):
                yield name, outcome
                continue
            if not outcome.reason:
                FakeCrew.finish(run, {"case": 0.5})
            ended = Stopwatch(run).ending("failed" if outcome.reason else "finished", outcome.reason)
            yield name, Report(name, outcome, ended)


@pytest.fixture
def crew(monkeypatch, finish) -> type[FakeCrew]:
    for name, value in {
        "outcomes": {},
        "given": [],
        "made": [],
        "ended": 0,
        "finish": staticmethod(finish),
        "interrupted_at": None,
    }.items():
        setattr(FakeCrew, name, value)
    monkeypatch.setattr(runner, "crew_of", FakeCrew)
    return FakeCrew


def test_every_run_once_and_none_again(plan, crew, capsys):
    experiment, runs = plan(workers=3, threads=2, gpus=(4, 6))
    endings = run_experiment(experiment, runs)
    assert sorted(crew.given) == sorted(run.name for run in runs)
    assert {ending.state for ending in endings.values()} == {"finished"}
    assert crew.made == [Processes(2, (4, 6), runner.GRACE_SECONDS, attempts=1, is_long=True, takes_gpu=True)]
    assert crew.ended == 1
    assert "8 of 8 runs to do, 3 at a time" in capsys.readouterr().err
    again = run_experiment(experiment, runs)
    assert again.keys() == endings.keys()
    assert len(crew.given) == 8


def test_an_interruption_says_how_many_runs_have_ended_and_how_to_go_on(plan, crew):
    experiment, runs = plan()
    crew.interrupted_at = 2
    with pytest.raises(KeyboardInterrupt) as stop:
        run_experiment(experiment, runs)
    said = "2 of 8 runs have ended, those at work are at their latest checkpoints; the same command goes on"
    assert stop.value.__notes__ == [said]
    assert crew.ended == 1


def test_a_failure_is_recorded_and_does_not_cost_the_others(plan, crew, capsys):
    experiment, runs = plan()
    crew.outcomes[runs[1].name] = [Outcome("training stopped at epoch 3: the loss is nan")]
    endings = run_experiment(experiment, runs)
    assert [ending.state for ending in endings.values()].count("finished") == 7
    found = ending_of(runs[1])
    assert found is not None
    assert (found.state, found.reason) == ("failed", "training stopped at epoch 3: the loss is nan")
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("failed: ")]
    assert lines == [f"failed: {runs[1].name}: training stopped at epoch 3: the loss is nan"]
    # Another session tries it again, and only it.
    crew.given.clear()
    assert run_experiment(experiment, runs)[runs[1].name].state == "finished"
    assert crew.given == [runs[1].name]


def test_a_variant_that_does_not_fit_costs_one_line(plan, crew, capsys):
    experiment, runs = plan()
    crew.outcomes[runs[1].name] = [Outcome("out of memory (2 TiB)", for_memory=True)]
    endings = run_experiment(experiment, runs)
    ours = [run for run in runs if run.variant == "ours"]
    assert [endings[run.name].state for run in ours] == ["failed"] * 4
    assert endings[ours[1].name].reason == "not begun: out of memory (2 TiB)"
    assert crew.given.count(runs[1].name) == 1
    assert len(crew.given) == 5
    lines = [line for line in capsys.readouterr().err.splitlines() if "memory" in line]
    assert len(lines) == 1
    assert (
        "try fewer --workers, a smaller batch or a smaller patch; the variant's other 3 runs are left out" in lines[0]
    )


def test_a_run_whose_process_was_killed_is_tried_again_at_the_end(plan, crew, capsys):
    experiment, runs = plan()
    died = Death("was killed by SIGKILL, as the system does when memory runs out")
    crew.outcomes[runs[0].name] = [died]
    crew.outcomes[runs[3].name] = [died, died]
    endings = run_experiment(experiment, runs)
    assert endings[runs[0].name].state == "finished"
    assert endings[runs[3].name].state == "failed"
    assert crew.given[8:] == [runs[0].name, runs[3].name]
    assert capsys.readouterr().err.count("again later: ") == 2


def test_scores_of_another_evaluation_are_made_anew(plan, crew):
    experiment, runs = plan()
    run_experiment(experiment, runs)
    changed, other = plan(evaluation={"skeleton": "scikit-image"})
    assert ending_of(other[0]) is None
    crew.given.clear()
    run_experiment(changed, other)
    assert len(crew.given) == 8


def test_threads_are_shared_out_on_one_machine_and_one_each_on_a_cluster(plan, monkeypatch):
    monkeypatch.setattr(runner, "thread_share", lambda workers: 12 // workers)
    assert runner.processes_of(plan(workers=3)[0]).threads == 4
    assert runner.processes_of(plan(cluster="tcp://10.0.0.1:8786")[0]).threads is None
    assert runner.processes_of(plan(cluster="tcp://10.0.0.1:8786", threads=6)[0]).threads == 6


def test_of_a_cluster_workers_know_their_gpus(plan):
    with pytest.raises(ValueError, match="--gpus and --cluster: of a cluster, each worker says which GPU it has"):
        plan(cluster="tcp://10.0.0.1:8786", gpus=(0, 1))


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
