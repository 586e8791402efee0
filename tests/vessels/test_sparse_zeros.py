"""Zeros by the page."""

import pickle

import numpy as np
import pytest

from benchmarks.cost import cost_of
from ramify.data.large_arrays import release, slabs
from ramify.vessels import sparse_zeros as module
from ramify.vessels.sparse_zeros import sparse_zeros


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int32])
@pytest.mark.parametrize("shape", [(5, 6, 7), (3, 0), (9,)])
def test_it_is_an_array_of_zeros(shape, dtype):
    found = sparse_zeros(shape, dtype)
    assert found.shape == shape
    assert found.dtype == dtype
    assert not found.any()


def test_what_is_written_stays(monkeypatch):
    monkeypatch.setattr(module, "SMALL_BYTES", 1)
    found = sparse_zeros((50, 60, 70), np.int32)
    found[3, 4, 5] = found[-1, -1, -1] = 7
    # What lies in a file may be given back to the system: this does not.
    for rows in slabs(found):
        assert found[rows].sum() == 14
    release(found, found[2:])
    assert found.sum() == pickle.loads(pickle.dumps(found)).sum() == 14
    assert found.flags.writeable
    assert found.flags.c_contiguous


def test_a_large_map_takes_hardly_any_memory():
    shape = (64, 1024, 2048)
    mebibytes = 4 * np.prod(shape) / 2**20

    def write_a_little() -> None:
        sparse_zeros(shape, np.int32)[:, ::512, 7] = 1

    assert cost_of(write_a_little, 1).mebibytes < mebibytes / 4
