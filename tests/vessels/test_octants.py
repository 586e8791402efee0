import itertools

import numpy as np
import pytest
from hypothesis import given, settings

from ramify.metrics.masks import Mask
from ramify.vessels.octants import boundary_corners, euler_characteristic
from tests.metrics.drawn_masks import mask_pairs, moved, random_mask


def codes_by_definition(mask: Mask) -> dict[tuple[int, ...], int]:
    """The code of every grid corner, voxel by voxel."""
    padded = np.pad(mask, 1)
    sides = list(itertools.product((0, 1), repeat=mask.ndim))
    return {
        corner: sum(
            int(padded[tuple(i + d for i, d in zip(corner, side, strict=True))]) << k for k, side in enumerate(sides)
        )
        for corner in np.ndindex(*(size + 1 for size in mask.shape))
    }


def cells_by_definition(mask: Mask) -> int:
    """Corners - edges + faces - voxels of the union of closed voxels, each found by its doubled coordinates."""
    cells = {
        tuple(2 * i + 1 + d for i, d in zip(voxel, step, strict=True))
        for voxel in np.argwhere(mask).tolist()
        for step in itertools.product((-1, 0, 1), repeat=mask.ndim)
    }
    return sum((-1) ** sum(place % 2 for place in cell) for cell in cells)


@settings(deadline=None)
@given(mask_pairs())
def test_corners_are_those_with_both_kinds_around(pair: tuple[Mask, Mask]):
    found = boundary_corners(pair[0])
    full = 2 ** (2 ** pair[0].ndim) - 1
    expected = {corner: code for corner, code in codes_by_definition(pair[0]).items() if code not in (0, full)}
    assert dict(zip(map(tuple, found.corners.tolist()), found.codes.tolist(), strict=True)) == expected


@settings(deadline=None)
@given(mask_pairs())
def test_euler_is_the_alternating_sum_of_cells(pair: tuple[Mask, Mask]):
    assert euler_characteristic(boundary_corners(pair[0])) == cells_by_definition(pair[0])


@settings(deadline=None)
@given(mask_pairs())
def test_euler_does_not_care_how_a_mask_lies(pair: tuple[Mask, Mask]):
    expected = euler_characteristic(boundary_corners(pair[0]))
    assert [euler_characteristic(boundary_corners(other)) for other in moved(pair[0])] == [expected] * (
        pair[0].ndim + 1
    )


def test_shapes_that_everybody_knows():
    ball, ring = np.ones((3, 3, 3), dtype=bool), np.ones((1, 3, 3), dtype=bool)
    shell = ball.copy()
    shell[1, 1, 1] = ring[0, 1, 1] = False
    # A ball 1, a ring 0, a hollow ball 2.
    assert [euler_characteristic(boundary_corners(mask)) for mask in (ball, ring, shell)] == [1, 0, 2]


def test_voxels_that_touch_at_an_edge_or_a_corner_are_one_piece():
    at_a_corner, at_an_edge = np.zeros((2, 2, 2, 2), dtype=bool)
    at_a_corner[0, 0, 0] = at_a_corner[1, 1, 1] = True
    at_an_edge[0, 0, 0] = at_an_edge[0, 1, 1] = True
    masks = (np.eye(2, dtype=bool), at_a_corner, at_an_edge)
    assert [euler_characteristic(boundary_corners(mask)) for mask in masks] == [1, 1, 1]


def test_an_empty_mask():
    found = boundary_corners(np.zeros((3, 4, 5), dtype=bool))
    assert (found.corners.shape, found.codes.shape) == ((0, 3), (0,))
    assert euler_characteristic(found) == 0


@pytest.mark.parametrize("ndim", [2, 3])
def test_euler_is_scikit_images(ndim: int):
    """On 200 random masks a dimension, empty, full and at the border among them."""
    euler_number = pytest.importorskip("skimage.measure").euler_number
    generator = np.random.default_rng(ndim)
    for seed in range(200):
        shape = tuple(generator.integers(1, 10, ndim))
        mask = random_mask(seed, shape, generator.choice([0, 0.1, 0.3, 0.5, 0.8, 0.95, 1]))
        expected = euler_number(np.pad(mask, 1), connectivity=ndim)
        assert euler_characteristic(boundary_corners(mask)) == expected, (seed, shape)
