"""Distances held against brute force: every pair of voxels, one by one."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from ramify.vessels.distance import at_surface, distances_to_set_mm, nearest_label, surface

Mask = NDArray[np.bool_]


def brute_force_labels(seeds: NDArray[np.integer], mask: Mask, spacing_mm: tuple[float, ...]) -> NDArray[np.int32]:
    """For each voxel all seeds of its component in C order; the first of those within 1e-9 of the least distance."""
    components, _ = ndimage.label(mask, np.ones((3,) * mask.ndim))
    places = [tuple(place) for place in np.argwhere((seeds > 0) & mask)]
    result = np.zeros(mask.shape, dtype=np.int32)
    for voxel in map(tuple, np.argwhere(mask)):
        own = [place for place in places if components[place] == components[voxel]]
        if own:
            distances = [math.dist(np.multiply(voxel, spacing_mm), np.multiply(place, spacing_mm)) for place in own]
            nearest = next(p for p, d in zip(own, distances) if d <= min(distances) * (1 + 1e-9))
            result[voxel] = seeds[nearest]
    return result


def scattered(seed: int, ndim: int, density: float, n_seeds: int) -> tuple[NDArray[np.int32], Mask]:
    """A random mask, and seeds with labels of their own at some of its voxels."""
    rng = np.random.default_rng(seed)
    mask = rng.random(rng.integers(1, 9 if ndim == 3 else 16, ndim)) < density
    seeds = np.zeros(mask.shape, dtype=np.int32)
    places = np.argwhere(mask)
    chosen = rng.permutation(len(places))[:n_seeds]
    seeds[tuple(places[chosen].T)] = 1 + rng.permutation(len(chosen))
    return seeds, mask


seed_numbers = st.integers(0, 2**32 - 1)
spacings = st.sampled_from([(1.0, 1.0, 1.0), (2.0, 1.0, 1.0), (0.7, 0.7, 0.7), (1.6, 0.743, 0.743), (0.3, 0.4, 0.5)])


# Surface


def test_surface_of_a_cube_is_its_shell() -> None:
    mask = np.zeros((7, 7, 7), dtype=bool)
    mask[1:6, 1:6, 1:6] = True
    expected = mask.copy()
    expected[2:5, 2:5, 2:5] = False
    np.testing.assert_array_equal(surface(mask), expected)


def test_vessel_that_leaves_the_volume_has_no_cap() -> None:
    mask = np.zeros((5, 7, 7), dtype=bool)
    mask[:, 1:6, 1:6] = True
    expected = mask.copy()
    expected[:, 2:5, 2:5] = False
    np.testing.assert_array_equal(surface(mask), expected)


def test_diagonal_neighbours_do_not_make_a_surface() -> None:
    mask = np.ones((3, 3), dtype=bool)
    mask[0, 0] = False
    np.testing.assert_array_equal(np.argwhere(surface(mask)), [(0, 1), (1, 0)])


@settings(max_examples=60, deadline=None)
@given(seed=seed_numbers, ndim=st.integers(1, 3))
def test_surface_is_what_erosion_takes(seed: int, ndim: int) -> None:
    mask = np.random.default_rng(seed).random((6, 5, 7)[:ndim]) < 0.8
    cross = ndimage.generate_binary_structure(ndim, 1)
    np.testing.assert_array_equal(surface(mask), mask & ~ndimage.binary_erosion(mask, cross, border_value=1))


@pytest.mark.parametrize("full", [False, True])
def test_empty_and_full_masks_have_no_surface(full: bool) -> None:
    assert not surface(np.full((3, 4, 5), full)).any()


# Nearest label


def test_tube_is_cut_half_way_between_two_seeds() -> None:
    mask = np.ones((3, 3, 10), dtype=bool)
    seeds = np.zeros(mask.shape, dtype=np.int32)
    seeds[1, 1, 0], seeds[1, 1, 9] = 5, 7
    expected = np.broadcast_to(np.where(np.arange(10) < 5, 5, 7), mask.shape)
    np.testing.assert_array_equal(nearest_label(seeds, mask, (1, 1, 1)), expected)


def test_spacing_decides_who_is_near() -> None:
    mask = np.ones((3, 5), dtype=bool)
    seeds = np.zeros(mask.shape, dtype=np.int32)
    seeds[2, 0], seeds[0, 4] = 1, 2
    assert nearest_label(seeds, mask, (1.0, 1.0))[0, 0] == 1
    assert nearest_label(seeds, mask, (3.0, 1.0))[0, 0] == 2


def test_seed_of_a_parallel_vessel_does_not_count() -> None:
    """Two tubes side by side; the only seed of the upper one is far off, the lower one's is next to every voxel."""
    mask = np.zeros((3, 12), dtype=bool)
    mask[0], mask[2] = True, True
    seeds = np.zeros(mask.shape, dtype=np.int32)
    seeds[0, 0], seeds[2] = 1, 2
    labels = nearest_label(seeds, mask, (1, 1))
    assert set(labels[0]) == {1}
    assert set(labels[1]) == {0}
    assert set(labels[2]) == {2}


def test_diagonal_neighbours_are_one_component() -> None:
    mask, seeds = np.zeros((2, 2, 2), dtype=bool), np.zeros((2, 2, 2), dtype=np.int32)
    mask[0, 0, 0] = mask[1, 1, 1] = True
    seeds[0, 0, 0] = 3
    assert nearest_label(seeds, mask, (1, 1, 1))[1, 1, 1] == 3


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_tie_goes_to_the_seed_first_in_c_order_whatever_its_label(order: tuple[int, int]) -> None:
    seeds = np.zeros((3, 3, 3), dtype=np.int64)
    seeds[0, 1, 1], seeds[2, 1, 1] = order
    assert nearest_label(seeds, np.ones((3, 3, 3), dtype=bool), (1, 1, 1))[1, 1, 1] == order[0]


@pytest.mark.parametrize("spacing_mm", [0.1, 0.3, 0.7, 0.743, 1.1])
def test_tie_that_rounding_splits_is_still_a_tie(spacing_mm: float) -> None:
    """3-4-5 and 7-24-25 triangles against straight lines: the sums of squares differ in their last bits."""
    for legs, straight in (((3, 4), 5), ((7, 24), 25), ((20, 21), 29)):
        mask = np.ones((straight + legs[0] + 1, 2 * straight + 1), dtype=bool)
        voxel = (straight, legs[1])
        seeds = np.zeros(mask.shape, dtype=np.int32)
        seeds[0, legs[1]] = 1
        seeds[straight + legs[0], 0] = 2
        assert nearest_label(seeds, mask, (spacing_mm, spacing_mm))[voxel] == 1
        assert nearest_label(seeds[::-1].copy(), mask, (spacing_mm, spacing_mm))[legs[0], legs[1]] == 2


@settings(max_examples=120, deadline=None)
@given(
    seed=seed_numbers,
    ndim=st.integers(2, 3),
    density=st.floats(0.1, 1.0),
    n_seeds=st.integers(0, 40),
    spacing_mm=spacings,
)
def test_labels_equal_brute_force(
    seed: int, ndim: int, density: float, n_seeds: int, spacing_mm: tuple[float, ...]
) -> None:
    seeds, mask = scattered(seed, ndim, density, n_seeds)
    expected = brute_force_labels(seeds, mask, spacing_mm[-ndim:])
    np.testing.assert_array_equal(nearest_label(seeds, mask, spacing_mm[-ndim:]), expected)


@settings(max_examples=60, deadline=None)
@given(
    seed=seed_numbers,
    ndim=st.integers(2, 3),
    spacing_mm=spacings,
    width=st.tuples(*[st.tuples(st.integers(0, 9), st.integers(0, 9))] * 3),
)
def test_labels_move_with_the_mask(
    seed: int, ndim: int, spacing_mm: tuple[float, ...], width: tuple[tuple[int, int], ...]
) -> None:
    seeds, mask = scattered(seed, ndim, density=0.7, n_seeds=12)
    labels = nearest_label(seeds, mask, spacing_mm[-ndim:])
    padded = nearest_label(np.pad(seeds, width[-ndim:]), np.pad(mask, width[-ndim:]), spacing_mm[-ndim:])
    np.testing.assert_array_equal(padded, np.pad(labels, width[-ndim:]))


@settings(max_examples=30, deadline=None)
@given(seed=seed_numbers, factor=st.floats(0.01, 100.0), spacing_mm=spacings)
def test_labels_do_not_depend_on_the_unit_of_length(
    seed: int, factor: float, spacing_mm: tuple[float, float, float]
) -> None:
    seeds, mask = scattered(seed, 3, density=0.8, n_seeds=15)
    scaled = tuple(factor * step for step in spacing_mm)
    np.testing.assert_array_equal(nearest_label(seeds, mask, spacing_mm), nearest_label(seeds, mask, scaled))


def test_many_seeds_in_one_component_equal_the_distance_transform() -> None:
    rng = np.random.default_rng(3)
    mask = np.ones((20, 30, 40), dtype=bool)
    seeds = np.where(rng.random(mask.shape) < 0.02, rng.integers(1, 10**6, mask.shape), 0)
    labels = nearest_label(seeds, mask, (1.7, 0.9, 0.6))
    distances = ndimage.distance_transform_edt(seeds == 0, sampling=(1.7, 0.9, 0.6))
    own_distances = np.empty(mask.shape)
    place_of = {int(seeds[place]): place for place in map(tuple, np.argwhere(seeds))}
    for voxel in map(tuple, np.argwhere(mask)):
        offset = np.subtract(voxel, place_of[int(labels[voxel])])
        own_distances[voxel] = math.hypot(*(offset * (1.7, 0.9, 0.6)))
    np.testing.assert_allclose(own_distances, distances, rtol=1e-12)


def test_seeds_outside_the_mask_are_not_used() -> None:
    mask = np.array([[True, True, False, False]])
    assert not nearest_label(np.array([[0, 0, 4, 0]]), mask, (1, 1)).any()


@pytest.mark.parametrize("shape", [(4, 4), (3, 4, 5), (0, 3, 3)])
def test_empty_mask_has_no_labels(shape: tuple[int, ...]) -> None:
    labels = nearest_label(np.ones(shape, dtype=np.int32), np.zeros(shape, dtype=bool), (1,) * len(shape))
    assert labels.shape == shape
    assert labels.dtype == np.int32
    assert not labels.any()


def test_one_voxel_labels_itself() -> None:
    assert nearest_label(np.array([[[9]]], dtype=np.uint8), np.array([[[True]]]), (1, 1, 1)) == 9


@pytest.mark.parametrize(
    ("seeds", "mask", "spacing_mm", "message"),
    [
        (np.zeros((2, 2)), np.ones((2, 2), bool), (1, 1), "seeds: expected integers of the mask's shape"),
        (np.zeros((2, 3), int), np.ones((2, 2), bool), (1, 1), r"mask's shape \(2, 2\), got int64 of shape \(2, 3\)"),
        (np.full((2, 2), -1), np.ones((2, 2), bool), (1, 1), "labels from 0 to 2"),
        (np.full((2, 2), 2**31), np.ones((2, 2), bool), (1, 1), "labels from 0 to 2"),
        (np.zeros((2, 2), int), np.ones((2, 2)), (1, 1), "mask: expected a boolean array, got dtype float64"),
        (np.zeros((2, 2), int), np.ones((2, 2), bool), (1, 1, 1), "spacing_mm: expected 2 positive numbers"),
        (np.zeros((2, 2), int), np.ones((2, 2), bool), (1, 0), "spacing_mm: expected 2 positive numbers"),
        (np.zeros(2, int), np.ones(2, bool), (1,), "expected 2 or 3 dimensions"),
    ],
)
def test_bad_input_to_nearest_label_is_named(
    seeds: np.ndarray, mask: np.ndarray, spacing_mm: tuple[float, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        nearest_label(seeds, mask, spacing_mm)


# Distances to a set


def test_distance_to_one_voxel_is_pythagoras() -> None:
    target = np.zeros((4, 5, 13), dtype=bool)
    target[0, 0, 0] = True
    points = np.array([(0, 0, 0), (3, 4, 12), (1, 0, 0), (0, 2, 0)])
    np.testing.assert_allclose(distances_to_set_mm(points, target, (1, 1, 1)), [0, 13, 1, 2], rtol=1e-15)
    np.testing.assert_allclose(distances_to_set_mm(points, target, (2, 0.5, 1))[2:], [2, 1], rtol=1e-15)


@settings(max_examples=80, deadline=None)
@given(seed=seed_numbers, ndim=st.integers(2, 3), density=st.floats(0.01, 1.0), spacing_mm=spacings)
def test_distances_equal_brute_force(seed: int, ndim: int, density: float, spacing_mm: tuple[float, ...]) -> None:
    rng = np.random.default_rng(seed)
    target = rng.random(rng.integers(1, 12, ndim)) < density
    points = rng.integers(-5, 17, (30, ndim))
    members = np.argwhere(target)
    step = spacing_mm[-ndim:]
    expected = [min((math.hypot(*np.multiply(p - m, step)) for m in members), default=math.inf) for p in points]
    measured = distances_to_set_mm(points, target, step)
    np.testing.assert_allclose(measured, np.array(expected), rtol=1e-12)


def test_distances_do_not_depend_on_the_origin() -> None:
    rng = np.random.default_rng(8)
    target = rng.random((9, 10, 11)) < 0.02
    points = np.argwhere(rng.random(target.shape) < 0.3)
    here = distances_to_set_mm(points, target, (1.3, 0.7, 0.7))
    there = distances_to_set_mm(points + np.array([6, 0, 3]), np.pad(target, [(6, 2), (0, 1), (3, 0)]), (1.3, 0.7, 0.7))
    np.testing.assert_array_equal(here, there)


def test_empty_set_is_infinitely_far_and_no_points_have_no_distances() -> None:
    target = np.zeros((3, 3, 3), dtype=bool)
    np.testing.assert_array_equal(distances_to_set_mm(np.zeros((2, 3), int), target, (1, 1, 1)), [np.inf, np.inf])
    assert distances_to_set_mm(np.zeros((0, 3), int), ~target, (1, 1, 1)).shape == (0,)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((4, 3)), r"integers of shape \(N, 3\), got float64"),
        (np.zeros((4, 2), int), r"got int64 of shape \(4, 2\)"),
        (np.zeros(3, int), r"got int64 of shape \(3,\)"),
    ],
)
def test_bad_points_are_named(points: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        distances_to_set_mm(points, np.ones((2, 2, 2), dtype=bool), (1, 1, 1))


@pytest.mark.parametrize("shape", [(9, 12), (5, 6, 7), (1, 4, 4)])
def test_the_surface_at_some_voxels_is_that_of_the_map(shape):
    mask = np.random.default_rng(2).random(shape) < 0.7
    places = np.arange(mask.size)
    assert at_surface(mask, places).tolist() == surface(mask).ravel().tolist()
    assert not at_surface(np.ones(shape, dtype=bool), places).any()
