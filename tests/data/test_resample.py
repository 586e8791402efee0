import numpy as np
import pytest

from ramify.data.resample import resample_like, resample_mask_like
from ramify.data.volume import Volume


def block(shape, spacing_mm, origin_mm=(), inside=()):
    array = np.zeros(shape, bool)
    if inside:
        array[tuple(slice(*edges) for edges in inside)] = True
    return Volume(array, spacing_mm, origin_mm)


def test_the_same_grid_changes_nothing():
    values = np.random.default_rng(3).normal(size=(4, 5, 6)).astype(np.float32)
    turned = ((0.0, 0.6, -0.8), (0.0, 0.8, 0.6), (1.0, 0.0, 0.0))
    given = Volume(values, (1.6, 0.743, 0.7), (1.0, 2.0, 3.0), turned)
    assert np.array_equal(resample_like(given, given, "nearest").array, values)
    np.testing.assert_allclose(resample_like(given, given, "linear").array, values, atol=1e-6)


def test_a_shift_by_whole_voxels_moves_the_mask_to_where_it_lies():
    mask = block((4, 6, 6), (2.0, 1.0, 1.0), (0.0, 10.0, 0.0), [(1, 2), (0, 2), (3, 4)])
    grid = Volume(np.zeros((4, 8, 6)), (2.0, 1.0, 1.0), (2.0, 8.0, 0.0))
    placed = resample_like(mask, grid, "nearest")
    assert placed.array.dtype == bool
    assert placed.origin_mm == grid.origin_mm
    assert np.argwhere(placed.array).tolist() == [[0, 2, 3], [0, 3, 3]]


def test_a_flipped_file_lands_the_right_way_round():
    values = np.arange(6, dtype=np.int16)[None, :] + np.zeros((3, 1), np.int16)
    flipped = Volume(values[:, ::-1], (1.0, 2.0), (0.0, 10.0), ((1.0, 0.0), (0.0, -1.0)))
    straight = resample_like(flipped, Volume(np.zeros((3, 6)), (1.0, 2.0)), "nearest").array
    assert np.array_equal(straight, values)
    assert straight.dtype == np.int16


def test_linear_halves_between_neighbours_and_fills_outside():
    ramp = Volume(np.array([[0.0, 10.0]]), (1.0, 1.0))
    sampled = resample_like(ramp, Volume(np.zeros((1, 4)), (1.0, 0.5)), "linear", fill=-1.0).array
    np.testing.assert_allclose(sampled[0, :3], [0, 5, 10])
    far = resample_like(ramp, Volume(np.zeros((1, 2)), (1.0, 1.0), (0.0, 5.0)), "linear", fill=-1.0).array
    np.testing.assert_allclose(far, -1.0)


def test_a_finer_grid_keeps_the_volume_of_a_block():
    mask = block((6, 6, 6), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0), [(1, 4), (2, 5), (0, 6)])
    fine = Volume(np.zeros((12, 12, 12)), (1.0, 1.0, 1.0), (-0.5, -0.5, -0.5))
    assert resample_like(mask, fine, "nearest").array.sum() == mask.array.sum() * 8


def test_a_mask_that_lies_elsewhere_is_no_empty_mask():
    mask = block((3, 3), (1.0, 1.0), (100.0, 0.0), [(0, 2), (0, 2)])
    with pytest.raises(ValueError, match="vessels: none of its voxels lies inside CT") as caught:
        resample_mask_like(mask, Volume(np.zeros((3, 3)), (1.0, 1.0)), "vessels", "CT")
    assert "\n" not in str(caught.value)


def test_what_lies_outside_of_the_image_is_told_or_refused():
    mask = block((4, 4), (1.0, 1.0), (1.0, 0.0), [(0, 4), (0, 4)])
    placed = resample_mask_like(mask, Volume(np.zeros((4, 4)), (1.0, 1.0)), "organ", "CT")
    assert placed.array.sum() == 12
    assert placed.notes == ("25.0% of organ lies outside of CT and is left out",)
    far = block((4, 4), (1.0, 1.0), (3.0, 0.0), [(0, 4), (0, 4)])
    with pytest.raises(ValueError, match=r"organ: only 25\.0% of it lies inside CT"):
        resample_mask_like(far, Volume(np.zeros((4, 4)), (1.0, 1.0)), "organ", "CT")


def test_an_empty_mask_stays_empty():
    empty = block((3, 3), (1.0, 1.0), (100.0, 0.0))
    assert not resample_mask_like(empty, Volume(np.zeros((4, 4)), (1.0, 1.0)), "vessels", "CT").array.any()


def test_dimensions_must_agree():
    with pytest.raises(ValueError, match="got 2 and 3"):
        resample_like(block((3, 3), (1.0, 1.0)), block((3, 3, 3), (1.0,) * 3), "nearest")
