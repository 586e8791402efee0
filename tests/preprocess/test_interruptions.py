"""Workers, kills, and what both leave: the same bytes."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ramify.data.case_store import list_cases
from tests.preprocess.pairs import ROOT, arguments, start, tree

pytestmark = pytest.mark.slow


@pytest.mark.integration
def test_a_killed_run_leaves_no_worker_goes_on_and_gives_the_same_bytes(tmp_path, whole):
    root, expected = whole
    output = tmp_path / "killed"
    argv = arguments(root, output, "--folds.folds", "2", "--workers", "2")
    process = start(*argv)
    children: list[int] = []
    try:
        # Killed once the first case is there, wherever it is then.
        deadline = time.monotonic() + 600
        while not list_cases(output) and process.poll() is None and time.monotonic() < deadline:
            children = children_of(process) or children
            time.sleep(0.002)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL, "it ended before it could be killed"
    # Where nobody adopts them they stay as names without a process: what counts is that nothing of them runs.
    assert len(children) >= 2 or sys.platform != "linux"
    assert all(wait_until_dead(child) for child in children)
    assert not (output / "splits_final.json").exists()
    again = start(*argv)
    assert "taken over from preprocess.py" in again.communicate()[1]
    assert again.returncode == 0
    assert tree(output) == tree(expected)


HELD_WRITER = """
import sys
from pathlib import Path
from ramify.data.store_writers import writing
store = Path(sys.argv[1])
with writing(store):
    (store / ".tmp-case_1-1").mkdir()
    (store / ".tmp-case_1-1" / "image.npy").write_bytes(b"half")
    print("writing", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(os.name == "nt", reason="needs locks on folders")
def test_a_writer_of_an_earlier_run_that_still_lives_leaves_nothing(tmp_path, whole):
    root, expected = whole
    output = shutil.copytree(expected, tmp_path / "cases")
    shutil.rmtree(output / "case_1")
    writer = subprocess.Popen(
        [sys.executable, "-c", HELD_WRITER, str(output)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout.readline() == "writing\n"
    again = start(*arguments(root, output, "--folds.folds", "2"))
    # It waits for the writer, however long that takes: nothing is prepared before.
    assert again.poll() is None
    writer.kill()
    writer.communicate()
    assert again.communicate()[1] == ""
    assert again.returncode == 0
    assert tree(output) == tree(expected)


def children_of(process):
    """Numbers of the processes that it has started; none where the system does not say."""
    told = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(word) for word in told.read_text(encoding="ascii").split()] if told.exists() else []


def wait_until_dead(pid):
    """Return True once the process runs no more; the test's own time limit ends it otherwise."""
    while True:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state in "ZX":
            return True
        time.sleep(0.01)


# --- what it was made from -----------------------------------------------------------------------------------------
