"""Slices: averages of the voxels they cover, and linear in between."""

import numpy as np
import pytest

from ramify.appearance.slices import along_z, slices


def test_a_slice_is_the_mean_of_what_it_covers():
    found = slices(6, 1.0, 2.0, 0.0)
    assert (found.average @ np.arange(6.0)).tolist() == [0.5, 2.5, 4.5]
    assert (found.spread @ [0.5, 2.5, 4.5]).tolist() == [0.5, 1.0, 2.0, 3.0, 4.0, 4.5]


@pytest.mark.parametrize("thickness", [0.7, 1.0, 1.3, 2.5, 5.0, 40.0])
@pytest.mark.parametrize("phase", [0.0, 0.4, 0.99])
def test_weights_sum_to_one(thickness, phase):
    for matrix in slices(17, 1.0, thickness, phase):
        assert matrix.sum(axis=1) == pytest.approx(1, abs=1e-6)
        assert (matrix >= 0).all()


def test_slices_thinner_than_voxels_change_nothing():
    volume = np.random.default_rng(0).random((5, 2, 3), np.float32)
    assert np.array_equal(along_z(slices(5, 1.0, 0.7, 0.3).average, volume), volume)


def test_a_ramp_stays_one_in_the_middle():
    found = slices(30, 1.0, 4.0, 0.25)
    back = found.spread @ (found.average @ np.arange(30.0))
    assert back[5:25] == pytest.approx(np.arange(5.0, 25.0), abs=1e-4)
