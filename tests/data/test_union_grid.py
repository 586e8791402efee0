import numpy as np
import pytest

from ramify.data.union_grid import on_union_grid
from ramify.data.volume import Volume

NAMES = {"truth": "t.nrrd", "prediction": "p.nrrd", "organ": "o.nrrd"}
SPACING = (2.0, 1.0, 1.0)


def scan(*boxes: tuple[slice, ...]) -> Volume:
    array = np.zeros((8, 10, 12), bool)
    for box in boxes:
        array[box] = True
    return Volume(array, SPACING, (5.0, 6.0, 7.0))


def cropped(volume: Volume, box: tuple[slice, ...]) -> Volume:
    first = [part.start for part in box]
    return Volume(volume.array[box], volume.spacing_mm, tuple(volume.world_mm([first])[0]), volume.direction)


VESSEL = (slice(1, 4), slice(2, 5), slice(2, 8))
FALSE = (slice(5, 8), slice(6, 10), slice(0, 12))


def test_a_truth_cropped_to_its_box_is_scored_as_the_whole_one():
    whole, prediction = scan(VESSEL), scan(VESSEL, FALSE)
    volumes, notes = on_union_grid({"truth": cropped(whole, VESSEL), "prediction": prediction}, "truth", NAMES)
    np.testing.assert_array_equal(volumes["truth"].array, whole.array)
    np.testing.assert_array_equal(volumes["prediction"].array, prediction.array)
    assert volumes["truth"].origin_mm == whole.origin_mm
    assert notes == ("72.7% of p.nrrd lies outside of the field of view of t.nrrd, where that counts as empty",)


def test_what_is_drawn_outside_the_predictions_field_of_view_is_kept_and_told():
    truth = scan(VESSEL, FALSE)
    volumes, notes = on_union_grid({"truth": truth, "prediction": cropped(scan(VESSEL), VESSEL)}, "truth", NAMES)
    np.testing.assert_array_equal(volumes["truth"].array, truth.array)
    np.testing.assert_array_equal(volumes["prediction"].array, scan(VESSEL).array)
    assert notes == ("72.7% of t.nrrd lies outside of the field of view of p.nrrd, where that counts as empty",)


def test_equal_grids_stay_as_they_are():
    prediction = scan(FALSE)
    volumes, notes = on_union_grid({"truth": scan(VESSEL), "prediction": prediction}, "truth", NAMES)
    assert notes == ()
    assert volumes["prediction"].array is prediction.array
    assert volumes["truth"].shape == (8, 10, 12)
    np.testing.assert_array_equal(volumes["prediction"].array, scan(FALSE).array)


def test_another_lattice_extends_the_grid_by_whole_voxels():
    truth = cropped(scan(VESSEL), VESSEL)
    fine = np.zeros((16, 20, 24), np.int32)
    fine[2:8, 4:10, 4:24] = 3
    prediction = Volume(fine, (1.0, 0.5, 0.5), (4.5, 5.75, 6.75))  # the scan's field of view, voxels halved
    volumes, _ = on_union_grid({"truth": truth, "prediction": prediction}, "truth", NAMES)
    assert volumes["truth"].shape == (3, 3, 10)
    assert volumes["prediction"].array.dtype == np.int32
    assert (volumes["prediction"].array == 3).all()
    assert volumes["truth"].array.sum() == scan(VESSEL).array.sum()


def test_masks_that_do_not_meet_are_refused():
    elsewhere = Volume(scan(VESSEL).array, SPACING, (500.0, 0.0, 0.0))
    with pytest.raises(ValueError, match=r"p\.nrrd: does not meet t\.nrrd anywhere.*correct the origin"):
        on_union_grid({"truth": scan(VESSEL), "prediction": elsewhere}, "truth", NAMES)
    flat = Volume(np.ones((4, 4), bool), (1.0, 1.0))
    with pytest.raises(ValueError, match="got 2 and 3"):
        on_union_grid({"truth": scan(VESSEL), "prediction": flat}, "truth", NAMES)


def test_an_empty_mask_that_looked_at_the_truth_is_a_miss():
    truth = cropped(scan(VESSEL), VESSEL)
    volumes, notes = on_union_grid({"truth": truth, "prediction": scan()}, "truth", NAMES)
    assert notes == ()
    assert volumes["truth"].shape == (8, 10, 12)
