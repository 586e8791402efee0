"""Pieces of a mask: their sizes in mm and their distances from the largest."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, label

from ramify.vessels.pieces import Pieces


@pytest.mark.parametrize("shape", [(9, 14, 12), (30, 25)])
def test_sizes_and_distances_against_a_distance_transform(shape):
    spacing_mm = (2.5, 0.8, 0.9)[-len(shape) :]
    for seed in range(3):
        mask = np.random.default_rng(seed).random(shape) < 0.08
        mask[(slice(2, 5),) * len(shape)] = True
        labels, count = label(mask, np.ones((3,) * len(shape)))
        sizes = np.bincount(labels.ravel())[1:]
        to_largest = distance_transform_edt(labels != 1 + sizes.argmax(), sampling=spacing_mm)
        pieces = Pieces(mask, spacing_mm)
        np.testing.assert_array_equal(pieces.labels, labels)
        np.testing.assert_allclose(pieces.volumes_mm3, sizes * np.prod(spacing_mm))
        expected = [to_largest[labels == number].min() for number in range(1, 1 + count)]
        np.testing.assert_allclose(pieces.distances_mm, expected, rtol=1e-9)
        assert count > 5


def test_of_equally_large_pieces_each_is_the_largest():
    pieces = Pieces(np.array([[1, 1, 0, 0, 1, 0, 1, 1]], bool), (1.0, 1.0))
    assert pieces.is_largest.tolist() == [True, False, True]
    assert pieces.distances_mm.tolist() == [0.0, 2.0, 0.0]


def test_an_empty_mask_has_none():
    pieces = Pieces(np.zeros((3, 4), bool), (1.0, 1.0))
    assert pieces.volumes_mm3.tolist() == pieces.distances_mm.tolist() == []
