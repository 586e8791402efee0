"""The skeleton of a mask with its small cavities filled: one in each component."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ramify.vessels.components import label_components
from ramify.vessels.scale_settings import ScaleSettings
from ramify.vessels.scales import decompose_scales
from ramify.vessels.skeleton import skeletonize
from ramify.vessels.solid import skeletonize_solid
from ramify.vessels.tube import tubed_skeleton

RING = np.array([[1, 1, 1], [1, 0, 1], [1, 0, 1], [1, 1, 1]], bool)


def shell(n_cavity: int) -> np.ndarray:
    """A wall of one voxel around a row of so many."""
    mask = np.ones((3, 3, n_cavity + 2), bool)
    mask[1, 1, 1:-1] = False
    return mask


@pytest.mark.parametrize("mask", [RING, RING[np.newaxis], shell(4), np.pad(shell(4), 1)])
def test_a_component_whose_skeleton_would_lie_in_its_cavity_keeps_it_open(mask: np.ndarray):
    solid = skeletonize_solid(mask, (1.0,) * mask.ndim)
    np.testing.assert_array_equal(solid.mask, mask)
    np.testing.assert_array_equal(solid.skeleton, skeletonize(mask))


def test_other_components_are_filled_all_the_same():
    mask = np.zeros((9, 40), bool)
    mask[2:6, 1:4] = RING
    mask[1:8, 8:38] = True
    mask[4, 20] = False
    solid = skeletonize_solid(mask, (1.0, 1.0))
    assert solid.mask[4, 20]
    assert not solid.mask[3, 2]
    assert label_components(solid.skeleton)[1] == 2


def test_a_voxel_in_a_cavity_is_a_component_with_a_centreline_of_its_own():
    mask = np.ones((5, 5, 5), bool)
    mask[1:-1, 1:-1, 1:-1] = False
    mask[2, 2, 2] = True
    solid = skeletonize_solid(mask, (1.0, 1.0, 1.0), largest_cavity_mm3=100.0)
    assert (solid.skeleton & mask)[2, 2, 2]
    assert (solid.skeleton & mask).sum() > 1


@settings(deadline=None)
@given(
    st.integers(0, 2**16), st.lists(st.integers(1, 6), min_size=2, max_size=3), st.sampled_from([0.4, 0.6, 0.8, 0.9])
)
def test_every_component_holds_some_of_its_skeleton(seed: int, shape: list[int], share: float):
    mask = np.random.default_rng(seed).random(shape) < share
    labels, count = label_components(mask)
    skeleton = skeletonize_solid(mask, (1.0,) * mask.ndim).skeleton
    assert np.unique(labels[skeleton & mask]).tolist() == list(range(1, count + 1))
    tube = tubed_skeleton(mask, 0)
    assert np.unique(labels[tube]).tolist() == list(range(1, count + 1))


def test_a_ring_has_a_branch_and_a_tube():
    assert decompose_scales(RING, (1.0, 1.0), ScaleSettings(quantiles=())).skeleton.any()
    assert tubed_skeleton(RING).any()
