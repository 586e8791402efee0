"""Temporary folders go with the process that made them, or when the next one looks."""

import subprocess
import sys
from pathlib import Path

import pytest

from ramify.processes.temporary import remove_abandoned_folders, temporary_folder

ROOT = Path(__file__).parents[2]
HOLDER = """
from ramify.processes.temporary import temporary_folder
with temporary_folder("archive") as folder:
    (folder / "unpacked").write_text("a CT")
    print(folder, flush=True)
    input()
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_removed_in_the_end(place):
    with temporary_folder("archive") as folder:
        assert folder.parent == place
        (folder / "unpacked").touch()
    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_goes_and_what_a_running_one_holds_stays(place, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(place))
    holders = [
        subprocess.Popen(
            [sys.executable, "-c", HOLDER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        for _ in range(2)
    ]
    folders = []
    for holder in holders:
        assert holder.stdout is not None
        folders.append(Path(holder.stdout.readline().strip()))
    holders[0].kill()
    holders[0].wait()
    (place / "ramify-notes").mkdir()  # of somebody else
    remove_abandoned_folders()
    assert {path.name for path in place.iterdir()} == {folders[1].name, "ramify-notes"}
    holders[1].communicate("\n")
    assert [path.name for path in place.iterdir()] == ["ramify-notes"]
    for holder in holders:
        assert holder.stdin is not None
        holder.stdin.close()
        assert holder.stdout is not None
        holder.stdout.close()
