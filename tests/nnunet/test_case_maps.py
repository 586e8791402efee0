"""What a case's labels say of its vessels on nnU-Net's grid."""

import numpy as np
import pytest

from ramify.nnunet.case_maps import CaseOnGrid, scale_map_of, tube_of
from ramify.vessels.scale_settings import ScaleSettings
from ramify.vessels.tube import tubed_skeleton
from tests.nnunet.tiny_data import HEPATIC, PORTAL, SPACING_MM, tubes

HALVES = ScaleSettings(quantiles=(0.5,))


def case_of(drawn, spacing_mm=(1.0, 1.0, 1.0), prepared=None, crop=None, grid_mm=None):
    """A case; by default nnU-Net has left it as it was drawn."""
    whole = tuple(slice(0, size) for size in drawn.shape)
    prepared = drawn if prepared is None else prepared
    return CaseOnGrid(drawn, spacing_mm, whole if crop is None else crop, prepared, grid_mm or spacing_mm)


@pytest.fixture
def two_tubes():
    """A thin vessel and a thick one, both of one label."""
    labels = np.zeros((20, 20, 40), np.int16)
    labels[2:5, 2:5] = labels[9:18, 9:18] = 1
    return labels


def test_each_voxel_has_the_scale_of_its_vessel(two_tubes):
    scale_map, thresholds, notes = scale_map_of(case_of(two_tubes), [(1,)], HALVES)
    assert np.unique(scale_map[2:5, 2:5]).tolist() == [1]
    assert np.unique(scale_map[9:18, 9:18]).tolist() == [2]
    assert np.array_equal(scale_map > 0, two_tubes > 0)
    assert len(thresholds) == 1
    assert 1.0 < thresholds[0] < 5.0
    assert notes == ()


def test_on_a_cropped_grid_of_other_voxels_the_scales_are_where_the_vessels_are(two_tubes):
    crop = (slice(2, 20), slice(0, 20), slice(4, 40))
    # Every second voxel of the crop, and each of the last axis three times.
    prepared = two_tubes[crop][1::2, ::2].repeat(3, axis=2)
    case = case_of(two_tubes, prepared=prepared, crop=crop, grid_mm=(2.0, 2.0, 1 / 3))
    scale_map, _, _ = scale_map_of(case, [(1,)], HALVES)
    expected = scale_map_of(case_of(two_tubes), [(1,)], HALVES)[0][crop][1::2, ::2].repeat(3, axis=2)
    assert set(np.unique(expected)) == {0, 1, 2}
    assert np.array_equal(scale_map, expected)


def test_a_voxel_that_interpolation_put_beside_a_vessel_has_its_scale(two_tubes):
    prepared = two_tubes.copy()
    prepared[5, 3] = 1  # one row more than was drawn
    scale_map, _, _ = scale_map_of(case_of(two_tubes, prepared=prepared), [(1,)], HALVES)
    assert set(scale_map[5, 3]) == {1}


def test_nearness_is_in_millimetres():
    drawn = np.zeros((40, 20, 20), np.int16)
    drawn[:, 2:5, 2:5] = drawn[:, 9:18, 9:18] = 1
    prepared = drawn.copy()
    prepared[20, 7, 7] = 1  # three rows and columns from the thin vessel, two from the thick one
    for spacing, scale in (((1.0, 1.0, 1.0), 2), ((1.0, 0.1, 0.1), 2)):
        found = scale_map_of(case_of(drawn, spacing, prepared), [(1,)], HALVES)[0]
        assert found[20, 7, 7] == scale
    prepared[:, 7, 7] = 0
    prepared[20, 7, 5] = 1  # nearest to the thin one, but for rows that are far longer than columns
    assert scale_map_of(case_of(drawn, (1.0, 1.0, 1.0), prepared), [(1,)], HALVES)[0][20, 7, 5] == 1
    assert scale_map_of(case_of(drawn, (1.0, 9.0, 0.5), prepared), [(1,)], HALVES)[0][20, 7, 5] == 2


def test_trees_are_taken_apart_by_themselves_with_thresholds_of_all(two_tubes):
    two_tubes[9:18, 9:18] *= 2
    case = case_of(two_tubes)
    scale_map, thresholds, _ = scale_map_of(case, [(1,), (2,)], HALVES)
    assert len(thresholds) == 1
    assert np.array_equal(scale_map, two_tubes)  # thin and thick, as numbered
    # By thresholds of its own, the only vessel of a tree is no larger than that tree's median.
    own = HALVES.model_copy(update={"shared_thresholds": False})
    scale_map, thresholds, notes = scale_map_of(case, [(1,), (2,)], own)
    assert np.array_equal(scale_map, two_tubes > 0)
    assert thresholds == ()
    assert any("scale 2 is empty" in note for note in notes)


def test_an_unlabelled_case_has_neither_scales_nor_tubes():
    empty = np.zeros((4, 5, 6), np.int16)
    empty[0] = -1  # outside of the image
    scale_map, thresholds, notes = scale_map_of(case_of(empty), [(1,)])
    assert not scale_map.any()
    assert (thresholds, notes) == ((), ())
    assert not tube_of(case_of(empty), [(1,)]).any()


def test_a_picture_is_taken_apart_in_its_plane():
    flat = np.zeros((1, 30, 40), np.int16)
    flat[0, 3:6] = flat[0, 12:25] = 1
    scale_map, thresholds, _ = scale_map_of(case_of(flat, (999.0, 0.5, 0.5)), [(1,)], HALVES)
    assert np.unique(scale_map[0, 3:6]).tolist() == [1]
    assert np.unique(scale_map[0, 12:25]).tolist() == [2]
    assert thresholds[0] < 13 * 0.5
    expected = tubed_skeleton(flat[0] > 0, 2)
    assert np.array_equal(tube_of(case_of(flat, (999.0, 0.5, 0.5)), [(1,)])[0] > 0, expected)


def test_tubes_are_those_of_each_tree():
    labels = tubes(1)
    case = case_of(labels, SPACING_MM)
    tube = tube_of(case, [(PORTAL,), (HEPATIC,)])
    portal, hepatic = (tubed_skeleton(labels == label, 2, SPACING_MM) for label in (PORTAL, HEPATIC))
    assert np.array_equal(tube > 0, portal | hepatic)
    assert np.array_equal(tube_of(case, [(PORTAL,)], radius=0) > 0, tubed_skeleton(labels == PORTAL, 0, SPACING_MM))


def test_tubes_of_slices_are_made_slice_by_slice():
    labels = tubes(1)
    tube = tube_of(case_of(labels, SPACING_MM), [(PORTAL, HEPATIC)], by_slice=True)
    for number in (0, 12):
        assert np.array_equal(tube[number] > 0, tubed_skeleton(labels[number] > 0, 2))
    assert not np.array_equal(tube, tube_of(case_of(labels, SPACING_MM), [(PORTAL, HEPATIC)]))
