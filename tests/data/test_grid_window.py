"""A window on the volume's grid is copied as it would have been sampled."""

import numpy as np
import pytest

from ramify.data.affine_sampling import sample_affine
from ramify.data.augmentations.elastic_field import ElasticField
from ramify.data.grid_window import GridWindow


@pytest.mark.parametrize("shape", [(5, 6, 7), (6, 7)])
@pytest.mark.parametrize("at", [-9, -3, 0, 2, 4, 40])
def test_a_copy_is_what_sampling_gives(shape, at):
    """Control points that do not move ask for the sampling itself."""
    random, ndim = np.random.default_rng(0), len(shape)
    image = random.normal(size=(2, *shape)).astype(np.float32)
    labels, classes = (random.integers(1, 5, shape).astype(np.uint8) for _ in range(2))
    window = (4, 9, 5)[:ndim]
    still = ElasticField(0.0, 4.0, 0).lattice(window, (1.0,) * ndim)
    for signs in np.ndindex(*(2,) * ndim):
        matrix, offset = np.diag(1.0 - 2 * np.array(signs)), np.full(ndim, float(at)) + np.arange(ndim)
        assert GridWindow.of_map(matrix, offset, window)
        ways = [
            sample_affine(
                image, labels, labels + 1, matrix, offset, window, fill=[-3.0, 7.0], classes=classes, **its
            )
            for its in ({}, {"bent": still})
        ]  # fmt: skip
        for copied, sampled in zip(*ways, strict=True):
            assert copied.dtype == sampled.dtype
            assert copied.flags.c_contiguous
            np.testing.assert_array_equal(copied, sampled)


@pytest.mark.parametrize(
    ("matrix", "offset"),
    [(np.eye(2) * 2, (0, 0)), (np.eye(2), (0.5, 0)), ([[0, 1], [1, 0]], (0, 0)), ([[1, 1e-9], [0, 1]], (0, 0))],
)
def test_what_lies_between_voxels_is_none(matrix, offset):
    assert GridWindow.of_map(np.array(matrix, dtype=float), np.array(offset, dtype=float), (3, 3)) is None


def test_a_copy_does_not_hang_on_the_volume():
    volume = np.zeros((4, 4), np.float32)
    copied = GridWindow((1, 1), (0, 0), (4, 4)).copy(volume, 0)
    copied += 1
    assert not volume.any()
