"""One process at a time at work on a folder."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ramify.processes.folder_lock import LOCK, held

ROOT = Path(__file__).parents[2]
HOLDER = """
import os, sys, time
from pathlib import Path
from ramify.processes.folder_lock import held
with held(Path(sys.argv[1]), "train.py"):
    if len(sys.argv) > 2 and os.fork() == 0:
        time.sleep(3600)
    print(os.getpid(), flush=True)
    time.sleep(3600)
"""


def holder(folder: Path, *more: str) -> subprocess.Popen[str]:
    """A process that holds a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), *more],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_a_second_process_is_refused_and_told_who_is_at_work(tmp_path):
    process = holder(tmp_path)
    try:
        with pytest.raises(ValueError, match=rf"train.py \(process {process.pid} on .*, since 2.*\) is at work on it"):
            held(tmp_path, "train.py").__enter__()
        assert json.loads((tmp_path / LOCK).read_text(encoding="utf-8"))["pid"] == process.pid
    finally:
        end(process)


@pytest.mark.parametrize("more", [(), ("with a process that outlives it",)])
def test_a_killed_process_holds_nothing(tmp_path, capsys, more):
    process = holder(tmp_path, *more)
    try:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with held(tmp_path, "train.py"):
            assert f"taken over from train.py (process {process.pid} on " in capsys.readouterr().err
        with held(tmp_path, "train.py"):
            assert not capsys.readouterr().err
    finally:
        end(process)
    assert not list(tmp_path.iterdir())


def test_the_same_process_is_refused_too_and_may_come_again(tmp_path):
    with (
        held(tmp_path, "evaluate.py"),
        pytest.raises(ValueError, match="at work on it already"),
        held(tmp_path, "evaluate.py"),
    ):
        pass
    with held(tmp_path, "evaluate.py"):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"my own lock"])
def test_a_file_of_that_name_that_says_nothing_is_no_hindrance(tmp_path, content):
    (tmp_path / LOCK).write_bytes(content)
    with held(tmp_path, "train.py"):
        pass
