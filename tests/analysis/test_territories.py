"""Nearest seeds of an organ's voxels, slab by slab."""

import numpy as np
import pytest

from ramify.analysis.territories import _nearest, distances_to_vessels_mm


@pytest.mark.parametrize("share", [0.001, 0.01, 0.2])
@pytest.mark.parametrize(("shape", "spacing"), [((40, 30, 20), (2.0, 0.7, 0.7)), ((60, 50), (1.0, 1.0))])
def test_slabs_find_what_the_whole_volume_has(shape, spacing, share):
    rng = np.random.default_rng(0)
    seeds, wanted = rng.random(shape) < share, rng.random(shape) < 0.3
    # A stretch without seeds, and one without anything wanted.
    seeds[: shape[0] // 4] = False
    seeds[tuple(size // 3 for size in shape)] = True
    wanted[-8:] = False
    ((_, distances, nearest),) = _nearest(seeds, wanted, spacing)
    planes = 0
    for part, its_distances, its_nearest in _nearest(seeds, wanted, spacing, most_voxels=3 * seeds[0].size):
        own = wanted[part]
        np.testing.assert_array_equal(its_distances[own], distances[part][own])
        np.testing.assert_array_equal(its_nearest[:, own], nearest[:, part][:, own])
        planes += len(own)
    assert shape[0] - 8 <= planes < shape[0]


def test_an_organ_of_vessels_alone_has_no_distances():
    mask = np.ones((3, 4, 5), dtype=bool)
    assert distances_to_vessels_mm(mask, mask, (1.0, 1.0, 1.0)).shape == (0,)
