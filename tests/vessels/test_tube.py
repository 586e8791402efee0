"""The tubed skeleton: beside scikit-image's diamonds, by hand, and what must hold for any mask."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage.measure import label
from skimage.morphology import diamond, dilation, octahedron
from skimage.morphology import skeletonize as zhang_suen

from ramify.vessels.skeleton import skeletonize as lee
from ramify.vessels.solid import skeletonize_solid
from ramify.vessels.tube import tubed_skeleton, tubed_skeleton_of_classes

masks = st.one_of(
    arrays.arrays(bool, arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)),
    arrays.arrays(bool, arrays.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=6)),
)


def picture(*rows: str) -> np.ndarray:
    return np.array([[character == "#" for character in row] for row in rows])


def test_the_cross_section_of_a_thick_bar_is_a_diamond_of_as_many_dimensions():
    # A bar seven wide: its centreline runs along 4, and the tube reaches two voxels to each side of it.
    flat, solid = np.zeros((9, 31), bool), np.zeros((9, 9, 31), bool)
    flat[1:8, 1:30] = solid[1:8, 1:8, 1:30] = True
    assert np.flatnonzero(tubed_skeleton(flat, radius=2)[:, 15]).tolist() == [2, 3, 4, 5, 6]
    assert np.flatnonzero(tubed_skeleton(flat, radius=0)[:, 15]).tolist() == [4]
    assert np.array_equal(
        tubed_skeleton(solid, radius=2)[..., 15],
        picture(
            ".........",
            ".........",
            "....#....",
            "...###...",
            "..#####..",
            "...###...",
            "....#....",
            ".........",
            ".........",
        ),
    )
    # Along the bar it ends as the diamond does: one voxel, two beyond the end of the centreline.
    centreline = np.flatnonzero(tubed_skeleton(solid, radius=0)[4, 4])
    ends = np.flatnonzero(tubed_skeleton(solid, radius=2).any(axis=(0, 1)))[[0, -1]]
    assert ends.tolist() == [centreline[0] - 2, centreline[-1] + 2]


def test_a_tube_ends_at_the_wall_of_a_thin_vessel():
    line = np.zeros((5, 9), bool)
    line[2, 1:8] = True
    assert np.array_equal(tubed_skeleton(line, radius=2), line)


@settings(max_examples=60, deadline=None)
@given(masks, st.integers(0, 4))
def test_it_is_the_skeleton_dilated_by_scikit_image_inside_the_mask(mask, radius):
    thin, element = (zhang_suen, diamond) if mask.ndim == 2 else (lee, octahedron)
    skeleton = skeletonize_solid(mask, (1.0,) * mask.ndim, thinning=thin).skeleton
    expected = dilation(skeleton, element(radius).astype(bool)) & mask
    assert np.array_equal(tubed_skeleton(mask, radius), expected)


@settings(max_examples=60, deadline=None)
@given(masks.filter(lambda mask: mask.ndim == 2 or mask.shape[0] > 1), st.integers(0, 3))
def test_it_does_not_depend_on_where_the_mask_lies(mask, radius):
    # With background on all sides: a vessel that leaves the volume is thought to go on.
    mask = np.pad(mask, 1)
    padding = [(1, 4), (3, 0), (0, 2)][: mask.ndim]
    inside = tuple(slice(before, before + side) for (before, _), side in zip(padding, mask.shape))
    assert np.array_equal(tubed_skeleton(np.pad(mask, padding), radius)[inside], tubed_skeleton(mask, radius))


def test_a_flat_vessel_in_a_volume_is_thinned_in_3d_wherever_it_lies():
    volume = np.zeros((5, 6, 6), bool)
    volume[2, 1:5, 1:5] = True
    assert np.array_equal(tubed_skeleton(volume, radius=0), lee(volume))


@settings(max_examples=60, deadline=None)
@given(masks)
def test_it_lies_in_the_mask_meets_every_component_and_grows_to_fill_it(mask):
    before = np.zeros_like(mask)
    components = label(mask, connectivity=mask.ndim)
    for radius in (0, 1, 2, 3, sum(mask.shape)):
        tube = tubed_skeleton(mask, radius)
        assert not (tube & ~mask).any()
        assert not (before & ~tube).any()
        assert set(np.unique(components[tube])) == set(np.unique(components)) - {0}
        before = tube
    assert np.array_equal(before, mask)


def test_a_hole_of_a_drawing_hand_makes_no_shell():
    bar = np.zeros((9, 9, 30), bool)
    bar[1:8, 1:8, 2:28] = True
    hollow = bar.copy()
    hollow[4, 4, 12:15] = False
    tube = tubed_skeleton(hollow)
    assert np.array_equal(tube, tubed_skeleton(bar) & hollow)
    # Those that are to stay do, and nothing is filled where the skeleton is known.
    assert tubed_skeleton(hollow, largest_cavity_mm3=0.0).sum() > 1.5 * tube.sum()
    assert np.array_equal(tubed_skeleton(hollow, skeleton=lee(bar)), tube)


def test_two_vessels_side_by_side_have_a_tube_each():
    labels = np.zeros((20, 40), np.uint8)
    labels[4:9, 2:38], labels[9:14, 2:38] = 1, 2
    tube = tubed_skeleton_of_classes(labels, [(1,), (2,)], radius=1)
    assert np.flatnonzero(tube[:, 20]).tolist() == [5, 6, 7, 10, 11, 12]
    assert np.array_equal(tube, tubed_skeleton(labels == 1, 1) | tubed_skeleton(labels == 2, 1))
    one_tree = tubed_skeleton_of_classes(labels, [(1, 2)], radius=1)
    assert np.array_equal(one_tree, tubed_skeleton(labels > 0, 1))
    assert np.flatnonzero(one_tree[:, 20]).tolist() == [7, 8, 9]
    assert not tubed_skeleton_of_classes(labels, []).any()


@pytest.mark.parametrize("shape", [(6, 7), (4, 5, 6), (0, 3), (1, 1)])
def test_an_empty_mask_has_an_empty_tube(shape):
    tube = tubed_skeleton(np.zeros(shape, bool))
    assert tube.shape == shape
    assert tube.dtype == np.bool_
    assert not tube.any()


@pytest.mark.parametrize(
    ("mask", "radius", "message"),
    [
        (np.zeros((4, 4), np.uint8), 2, "mask: expected a boolean array, got dtype uint8; compare first"),
        ([[True]], 2, r"mask: expected a boolean array, got list; make one of it with numpy\.asarray"),
        (np.zeros(4, bool), 2, r"mask: expected 2 or 3 dimensions, got shape \(4,\)"),
        (np.zeros((2, 2, 2, 2), bool), 2, r"mask: expected 2 or 3 dimensions, got shape \(2, 2, 2, 2\)"),
        (np.zeros((4, 4), bool), -1, "radius: expected an integer of 0 or more, in voxels, got -1"),
        (np.zeros((4, 4), bool), 1.5, "radius: expected an integer of 0 or more, in voxels, got 1.5"),
        (np.zeros((4, 4), bool), True, "radius: expected an integer of 0 or more, in voxels, got True"),
    ],
)
def test_bad_arguments(mask, radius, message):
    with pytest.raises(ValueError, match=message):
        tubed_skeleton(mask, radius)
