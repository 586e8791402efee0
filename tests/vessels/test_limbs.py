"""Vessels that thinning eats come back: counted by hand on trees of known ends, junctions and lengths."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from ramify.vessels.branches import trace_branches
from ramify.vessels.curve_graph import CentrelineGraph, centreline_graph
from ramify.vessels.skeleton import skeletonize


def centreline(mask: np.ndarray, spacing_mm: Sequence[float] | None = None) -> CentrelineGraph:
    spacing = tuple(spacing_mm or (1.0,) * mask.ndim)
    return centreline_graph(trace_branches(skeletonize(mask, spacing)), spacing)


def trunk_with_sides(width: int) -> np.ndarray:
    """A trunk 7 x 7 voxels wide and 70 long with eight side vessels, 28 long from the axis, four ways in turn."""
    mask = np.zeros((80, 60, 60), dtype=bool)
    mask[5:75, 26:33, 26:33] = True
    for k, (axis, sign) in enumerate([(1, 1), (1, -1), (2, 1), (2, -1)] * 2):
        part = [slice(12 + 7 * k, 12 + 7 * k + width), slice(28, 28 + width), slice(28, 28 + width)]
        part[axis] = slice(30, 58) if sign > 0 else slice(2, 30)
        mask[tuple(part)] = True
    return mask


def bent(width: int, corners: Sequence[Sequence[int]], shape: Sequence[int]) -> np.ndarray:
    """A vessel of square section from corner to corner, along one axis each time."""
    mask = np.zeros(shape, dtype=bool)
    for one, other in itertools.pairwise(np.array(corners)):
        mask[tuple(map(slice, np.minimum(one, other), np.maximum(one, other) + width))] = True
    return mask


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_side_vessels_of_any_width_have_their_ends_and_junctions(width: int) -> None:
    graph = centreline(trunk_with_sides(width))
    assert (len(graph.endpoints_mm), len(graph.bifurcations_mm)) == (10, 8)


@pytest.mark.parametrize("spacing_mm", [(2.0, 0.5, 0.5), (0.5, 0.5, 2.0)])
def test_side_vessels_come_back_on_voxels_that_are_no_cubes(spacing_mm: tuple[float, ...]) -> None:
    graph = centreline(trunk_with_sides(2), spacing_mm)
    assert (len(graph.endpoints_mm), len(graph.bifurcations_mm)) == (10, 8)


def test_a_bent_vessel_is_as_long_however_it_is_stored() -> None:
    # Four times 30 voxels between the middles of its corners, and nearly 2 at each end to the face.
    mask = bent(4, [(10, 40, 40), (40, 40, 40), (40, 40, 10), (10, 40, 10), (10, 10, 10)], (60, 60, 60))
    for axes, signs in itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3)):
        stored = np.ascontiguousarray(mask[tuple(slice(None, None, sign) for sign in signs)].transpose(axes))
        assert centreline(stored).length_mm == pytest.approx(121, rel=0.05)


def test_side_vessels_come_back_in_the_plane() -> None:
    mask = np.zeros((60, 80), dtype=bool)
    mask[26:33, 5:75] = True
    for k in range(4):
        mask[slice(30, 58) if k % 2 else slice(2, 30), 14 + 14 * k : 16 + 14 * k] = True
    graph = centreline(mask)
    assert (len(graph.endpoints_mm), len(graph.bifurcations_mm)) == (6, 4)
    assert graph.length_mm == pytest.approx(66 + 4 * 27, rel=0.06)


@pytest.mark.parametrize("radius", [2, 3, 5])
def test_a_round_tube_ends_where_its_last_ball_is(radius: int) -> None:
    axis = np.arange(-9, 10)
    ball = np.add.outer(axis**2, axis**2) <= (radius + 0.3) ** 2
    mask = np.zeros((40, 19, 19), dtype=bool)
    mask[4:36] = ball
    length = centreline(mask).length_mm
    assert 32 - 2 * radius - 2 <= length <= 32


def test_the_roughness_of_a_wall_is_no_limb() -> None:
    rng = np.random.default_rng(0)
    axis = np.arange(-9, 10)
    mask = np.zeros((60, 19, 19), dtype=bool)
    mask[3:57] = np.add.outer(axis**2, axis**2) <= 36
    layer = np.zeros_like(mask)
    layer[3:57] = np.add.outer(axis**2, axis**2) <= 49
    rough = mask | (layer & (rng.random(mask.shape) < 0.3))
    before = skeletonize(rough)
    assert before[3:57].any(axis=(1, 2)).sum() > 40
    assert len(centreline(rough).endpoints_mm) <= 2 + len(centreline(mask).endpoints_mm)


def test_a_thick_vessel_beside_it_does_not_stand_for_a_thin_one() -> None:
    thin = np.zeros((14, 30, 40), dtype=bool)
    thin[11:13, 14:16, 2:38] = True
    both = thin.copy()
    both[:10, 5:25, 2:38] = True  # one slice of background between them
    np.testing.assert_array_equal(skeletonize(both)[11:], skeletonize(thin)[11:])


def test_a_solid_block_has_no_limbs() -> None:
    # As an untrained network may predict: all is vessel.
    for block in (np.ones((40, 50, 60), dtype=bool), np.pad(np.ones((40, 50, 60), dtype=bool), 2)):
        skeleton = skeletonize(block)
        assert 1 <= skeleton.sum() <= 60
        assert len(centreline(block).endpoints_mm) <= 2
