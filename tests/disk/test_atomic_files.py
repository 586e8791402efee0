"""A file appears whole or not at all."""

import os
from pathlib import Path

import pytest

from ramify.disk.atomic_files import write_whole


def test_text_and_bytes_arrive_and_folders_are_made(tmp_path: Path):
    write_whole(tmp_path / "deep" / "a.txt", "größer")
    write_whole(tmp_path / "deep" / "b.bin", b"\x00\x01")
    assert (tmp_path / "deep" / "a.txt").read_bytes() == "größer".encode()
    assert (tmp_path / "deep" / "b.bin").read_bytes() == b"\x00\x01"
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["a.txt", "b.bin"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch):
    path = tmp_path / "table.csv"
    write_whole(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"table\.csv: .*No space left on device.*free some space"):
        write_whole(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert [child.name for child in tmp_path.iterdir()] == ["table.csv"]


def test_a_file_where_a_folder_is_needed_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"a\.txt: .*could not be written"):
        write_whole(tmp_path / "file" / "a.txt", "x")
