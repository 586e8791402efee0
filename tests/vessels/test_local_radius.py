import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from ramify.vessels.local_radius import local_radii_mm


def tube(direction: tuple[float, ...], radius: float, size: int = 41) -> tuple[np.ndarray, np.ndarray]:
    """A round vessel through the middle of a volume and out at both ends, and the voxels around its middle."""
    places = np.moveaxis(np.indices((size,) * len(direction)), 0, -1) - (size - 1) / 2
    unit = np.array(direction) / np.linalg.norm(direction)
    along = places @ unit
    beside = np.linalg.norm(places - along[..., None] * unit, axis=-1)
    return beside <= radius, np.argwhere((beside < 0.6) & (np.abs(along) < 8))


@pytest.mark.parametrize("radius", [2.0, 3.0, 5.0, 8.0])
@pytest.mark.parametrize("direction", [(1, 0, 0), (0, 1, 2), (1, 2, 3)])
def test_round_tubes_have_their_radius_along_them(direction: tuple[float, ...], radius: float):
    mask, middle = tube(direction, radius)
    assert np.mean(local_radii_mm(middle, mask, (1.0,) * 3)) == pytest.approx(radius, abs=0.25)


@pytest.mark.parametrize("radius", [1.5, 3.0, 8.0])
def test_plane_tubes_are_wide_by_half_a_voxel_at_most(radius: float):
    mask, middle = tube((2, 5), radius)
    assert radius <= np.mean(local_radii_mm(middle, mask, (1.0, 1.0))) <= radius + 0.5


def test_a_centreline_beside_the_axis_costs_nothing():
    # Four voxels wide, so that no voxel is in the middle.
    mask = np.zeros((30, 12, 12), dtype=bool)
    mask[:, 4:8, 4:8] = True
    beside = np.array([[15, 5, 5], [15, 6, 5], [15, 5, 6], [15, 6, 6]])
    # From the middle, which lies between voxels along every axis, it is 2.5 across, half a voxel aside and half along.
    expected = [np.sqrt(2.5**2 + 0.5**2 + 0.5**2 - 1 / 3)] * 4
    np.testing.assert_allclose(local_radii_mm(beside, mask, (1.0, 1.0, 1.0)), expected, atol=1e-5)


def test_one_voxel_by_hand():
    mask = np.zeros((3, 3), dtype=bool)
    mask[1, 1] = True
    # At a corner of the voxel three background voxels are equally near.
    expected = max(0.5**2 + 1.0**2 - (1 + 4) / 2 / 3, (0.5**2 + 1.0**2) / 4) ** 0.5
    assert local_radii_mm(np.array([[1, 1]]), mask, (1.0, 2.0)) == pytest.approx([expected], abs=1e-5)


def test_outside_the_volume_is_no_wall():
    mask = np.zeros((9, 20), dtype=bool)
    mask[:5] = True
    # Five rows below, and half a voxel up and aside, is the first of the background.
    expected = np.sqrt(np.hypot(5.5, 0.5) ** 2 - 1 / 3)
    assert local_radii_mm(np.array([[0, 10]]), mask, (1.0, 1.0)) == pytest.approx([expected], abs=1e-5)


def test_a_mask_without_background_ends_where_the_volume_does():
    full = np.ones((5, 5), dtype=bool)
    # In the middle each side is three voxels away.
    assert local_radii_mm(np.array([[2, 2]]), full, (1.0, 1.0)) == pytest.approx([np.sqrt(3.0**2 - 1 / 3)], abs=1e-5)


def test_no_voxels():
    assert local_radii_mm(np.empty((0, 3), dtype=int), np.zeros((3, 3, 3), dtype=bool), (1, 1, 1)).shape == (0,)
    assert local_radii_mm(np.empty((0, 2), dtype=int), np.zeros((0, 0), dtype=bool), (1, 1)).shape == (0,)


@settings(deadline=None)
@given(arrays(bool, (5, 6, 4)))
def test_agrees_with_looking_at_all(mask: np.ndarray):
    spacing = np.array([0.5, 1.0, 1.7])
    voxels, background = np.argwhere(mask), np.argwhere(~mask)
    if not len(voxels) or not len(background):
        return
    halves = np.array(list(itertools.product((-0.5, 0.0, 0.5), repeat=3)))
    places = (voxels[:, None] + halves) * spacing
    distance = np.linalg.norm(places[:, :, None] - background * spacing, axis=-1).min(axis=-1).max(axis=-1)
    expected = np.sqrt(np.maximum(distance**2 - np.mean(spacing**2) / 3, distance**2 / 4))
    np.testing.assert_allclose(local_radii_mm(voxels, mask, tuple(spacing)), expected, atol=1e-5)
    np.testing.assert_array_equal(
        local_radii_mm(voxels, mask, tuple(2 * spacing)), 2 * local_radii_mm(voxels, mask, tuple(spacing))
    )
