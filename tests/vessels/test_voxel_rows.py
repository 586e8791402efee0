"""Voxels by rows."""

import numpy as np
import pytest

from ramify.vessels.components import components_of, label_components
from ramify.vessels.voxel_rows import VoxelRows


@pytest.mark.parametrize("shape", [(7, 9), (5, 6, 7), (1, 4, 5), (3, 1, 1), (0, 4)])
def test_every_voxel_is_found_again(shape):
    mask = np.random.default_rng(0).random(shape) < 0.4
    rows = VoxelRows.of(mask)
    assert rows.voxels().tolist() == np.argwhere(mask).tolist()
    assert rows.numbers(rows.voxels()).tolist() == list(range(len(rows)))
    counted = np.count_nonzero(mask, axis=-1).reshape(-1)
    assert np.diff(rows.starts).tolist() == counted.tolist()
    assert rows.columns.tolist() == np.argwhere(mask)[:, -1].tolist()


@pytest.mark.parametrize("share", [0.02, 0.15, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(30, 31), (11, 12, 13), (1, 1, 9)])
def test_components_by_rows_are_those_of_the_map(shape, share):
    mask = np.random.default_rng(1).random(shape) < share
    labels, count = label_components(mask)
    found, number = components_of(VoxelRows.of(mask))
    assert number == count
    assert found.tolist() == labels[mask].tolist()
