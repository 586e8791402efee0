"""Many cases, and commands that are killed and given again: what the figures and the verdict are of."""

import os
import sys
import time

import pytest

from benchmarks.cluster import lost, nothing
from ramify import evaluate, predict, preprocess
from ramify.console.progress import QUIET_VARIABLE
from ramify.disk.ledger import MARK
from ramify.processes.case_crew import CaseCrew
from ramify.processes.child_process import how_it_ended
from ramify.processes.crew import USUAL
from tests.case_processes import cases_done_here

# psutil comes with it.
pytest.importorskip("distributed", reason="distributed is not installed: pip install distributed")
from benchmarks import many_cases, random_kills
from benchmarks.random_kills import Kills, Victim, run_through, victims

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs signals")
COMMANDS = {"preprocess": preprocess.main, "predict": predict.main, "evaluate": evaluate.main}


@pytest.mark.usefixtures("one_thread")
def test_the_commands_do_all_cases(tmp_path, monkeypatch):
    monkeypatch.setenv(QUIET_VARIABLE, "1")
    stages = many_cases.make_world(tmp_path, 2, 2)
    assert [(stage.data, stage.cases) for stage in stages] == [("tiny", 2)] * 3 + [("phantoms", 2)] * 3
    assert len([*(tmp_path / "phantoms").rglob("*.nii.gz")]) == 6
    (tmp_path / "1").mkdir()
    monkeypatch.chdir(tmp_path / "1")
    with cases_done_here():
        assert [COMMANDS[stage.name](stage.words) for stage in stages[:3]] == [0, 0, 0]
    found = many_cases.files_in(tmp_path / "1")
    assert {"tiny/cases/case_0001/case.json", "tiny/masks/case_0001.nii.gz", "tiny/scores/metrics.csv"} <= found
    # What is as it should be is told by nobody.
    assert not many_cases.differences(tmp_path / "1", tmp_path / "1")


def test_what_is_lost_left_or_changed_is_told(tmp_path):
    for folder, files in (("expected", "abc"), ("found", "bcd")):
        (tmp_path / folder / "in").mkdir(parents=True)
        (tmp_path / folder / MARK).write_text(folder, encoding="ascii")
        for name in files:
            (tmp_path / folder / "in" / name).write_text(name if name == "b" else folder, encoding="ascii")
    assert many_cases.differences(tmp_path / "expected", tmp_path / "found") == [
        "found: in/a is lost",
        "found: in/d was left",
        "found: in/c has other bytes",
    ]


def test_a_process_with_a_case_may_be_killed_and_multiprocessings_own_are_not():
    with CaseCrew(None, 1) as crew:
        (pid,) = crew.reports(nothing, ["a"], lost)
        assert [*victims(os.getpid(), [])] == [Victim("command", os.getpid()), Victim("case process", pid)]


def script(tmp_path, first: str) -> list[str]:
    """A command that does something the first time, and ends well the second time."""
    path = tmp_path / "script.py"
    begin = (
        "import sys, time\nfrom pathlib import Path\nif Path('begun').exists(): sys.exit(0)\nPath('begun').touch()\n"
    )
    path.write_text(begin + first, encoding="utf-8")
    return [sys.executable, str(path)]


def test_a_command_that_was_killed_is_given_again(tmp_path, monkeypatch):
    kills = Kills(600.0, seed=0)

    def seconds_left():
        while not (tmp_path / "begun").exists():
            time.sleep(0.01)
        return 600.0 if kills.seen else 0.0

    monkeypatch.setattr(kills, "seconds_left", seconds_left)
    run_through(script(tmp_path, "time.sleep(600)"), tmp_path, tmp_path / "log.txt", kills)
    assert kills.in_words() == "1 x command; given again since a case had lost two processes: 0"


def test_a_case_that_lost_two_processes_is_done_by_the_same_line_and_another_failure_is_none_of_kills(tmp_path):
    said = USUAL.why_lost(how_it_ended(-9), "use fewer --workers")
    line, log, kills = script(tmp_path, f"print({said!r}); sys.exit(1)"), tmp_path / "log.txt", Kills(600.0, seed=0)
    run_through(line, tmp_path, log, kills)
    assert kills.lost_twice == 1
    (tmp_path / "begun").unlink()
    with pytest.raises(RuntimeError, match=r"script\.py ended with 1:\n.*, twice; "):
        run_through(line, tmp_path, log)
    (tmp_path / "begun").unlink()
    with pytest.raises(RuntimeError, match=r"script\.py ended with 1:\nanother"):
        run_through(script(tmp_path, "print('another'); sys.exit(1)"), tmp_path, log, kills)


def test_a_worker_that_was_killed_is_started_anew(monkeypatch):
    started = []

    class Groups:
        pids = (2,)

        def stand_up(self):
            started.append(self.pids)

    class Process:
        def __init__(self, pid):
            assert pid == 2

        def kill(self): ...

        def wait(self): ...

    monkeypatch.setattr(random_kills, "victims", lambda command, workers: [Victim("worker", pid) for pid in workers])
    monkeypatch.setattr(random_kills.psutil, "Process", Process)
    kills = Kills(600.0, seed=0, groups=Groups())
    assert kills.kill_one(1) == "worker"
    assert started == [(2,)]
