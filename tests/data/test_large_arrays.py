"""Large arrays lie in files that nobody has to remove, and are gone over in slabs that cover them once."""

import errno
import os
from typing import Any

import numpy as np
import pytest

from ramify.data import large_arrays
from ramify.data.large_arrays import extremes, release, slabs, zeros


@pytest.fixture
def small_memory(monkeypatch, tmp_path):
    monkeypatch.setattr(large_arrays, "IN_MEMORY_BYTES", 100)
    monkeypatch.setattr(large_arrays, "SLAB_BYTES", 64)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def mapped(array: np.ndarray) -> bool:
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    return owner is not None


def test_a_large_array_is_in_a_file_without_a_name(small_memory):
    small, large = zeros((5, 5), np.float32), zeros((5, 6), np.float32)
    assert not mapped(small)
    assert mapped(large)
    assert [*small_memory.iterdir()] == []
    assert large.shape == (5, 6)
    assert large.dtype == np.float32
    assert not large.any()
    large[2:] = 7
    release(large, small, large[1])
    assert large.sum() == 7 * 3 * 6


def test_slabs_cover_an_array_once_in_order(small_memory):
    array = zeros((10, 6), np.float32)  # 24 bytes a row
    assert [(rows.start, rows.stop) for rows in slabs(array)] == [(0, 2), (2, 4), (4, 6), (6, 8), (8, 10)]
    assert len([*slabs(array, row_bytes=40)]) == 10
    assert [*slabs(np.zeros((3, 1000)))] == [slice(0, 1), slice(1, 2), slice(2, 3)]
    array[7, 3], array[0, 0] = -2, 9
    assert extremes(array) == (-2, 9)


def test_a_disk_without_room_is_told_before_it_is_written_to(small_memory, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(OSError, match=rf"{small_memory}: no room for 0\.0 GB of a large volume .*TMPDIR"):
        zeros((100, 3), np.float32)
