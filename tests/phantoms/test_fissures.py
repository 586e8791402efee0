"""Fissures are thin sheets inside the organ that begin at its surface."""

import numpy as np
from scipy import ndimage

from ramify.phantoms.fissures import fissures


def test_a_sheet_is_thin_and_grows_out_of_the_surface():
    outwards = np.linalg.norm(np.indices((80, 80, 80)) - 39.5, axis=0) - 35
    organ, surface = outwards < 0, np.abs(outwards + 1) < 1
    for seed in range(6):
        one = fissures(1, (4.0, 4.0), organ, surface, (1.0, 1.0, 1.0), np.random.default_rng(seed))
        assert one.any()
        assert not (one & ~organ).any()
        assert (one & surface).any()
        labels, count = ndimage.label(one, np.ones((3, 3, 3)))
        # At its end it is thinner than a voxel, and falls to pieces on the grid.
        assert np.bincount(labels.ravel())[1:].max() / one.sum() > 0.9, count
        assert ndimage.distance_transform_edt(one).max() <= 3


def test_none_and_an_organ_without_a_surface_are_left_as_they_are():
    organ = np.ones((8, 8, 8), bool)
    generator = np.random.default_rng(0)
    assert not fissures(0, (4.0, 4.0), organ, organ, (1.0, 1.0, 1.0), generator).any()
    assert not fissures(2, (4.0, 4.0), organ, ~organ, (1.0, 1.0, 1.0), generator).any()
