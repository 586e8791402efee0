"""Fingerprints of files and folders."""

import os

import pytest

from ramify.disk.digests import fingerprint, state_of


@pytest.mark.skipif(os.name != "posix", reason="needs names that are not UTF-8")
def test_a_folder_with_names_that_are_not_utf_8_has_a_fingerprint(tmp_path):
    folder = tmp_path / "series"
    folder.mkdir()
    try:
        (folder / os.fsdecode(b"Sch\xe4del_1.dcm")).write_bytes(b"slice")
    except OSError:
        pytest.skip("needs names that are not UTF-8")
    first = fingerprint(folder)
    (folder / "other.dcm").write_bytes(b"slice")
    assert fingerprint(folder) != first


def test_a_file_that_grew_is_in_another_state(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"one")
    before = state_of(path)
    with path.open("ab") as stream:
        stream.write(b" more")
        stream.flush()
        assert state_of(stream.fileno()) == state_of(path) != before
    assert state_of(path)[0] == len(b"one more")
