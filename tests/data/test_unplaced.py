"""A picture lies where the file beside it lies, and is never scaled by a spacing that nobody gave."""

import numpy as np
import pytest
import tifffile

from ramify.data.files import read_mask, write_volume
from ramify.data.raw_case import place_mask
from ramify.data.unplaced import laid_on
from ramify.data.volume import Volume

MASK = np.arange(60).reshape(3, 4, 5) % 2 == 0
IMAGE = Volume(np.zeros((3, 4, 5), np.float32), (2.0, 0.5, 0.5), (30.0, 20.0, 10.0))


def stored(path, array, spacing_mm=None):
    tifffile.imwrite(path, array.astype(np.uint8), photometric="minisblack")
    return read_mask(path, spacing_mm)


@pytest.mark.parametrize("resample", [False, True])
def test_a_mask_of_the_images_shape_lies_on_it(tmp_path, resample):
    placed = place_mask(stored(tmp_path / "a.tif", MASK), IMAGE, "a.tif", resample)
    assert np.array_equal(placed.array, MASK)
    assert (placed.spacing_mm, placed.origin_mm) == (IMAGE.spacing_mm, IMAGE.origin_mm)
    assert placed.notes == (
        "its file carries no millimetres: taken to lie on the other one, voxels of 2 x 0.5 x 0.5 mm",
    )


def test_one_of_another_shape_is_not_scaled_by_a_spacing_that_nobody_gave(tmp_path):
    smaller = stored(tmp_path / "a.tif", MASK[:, :2])
    with pytest.raises(ValueError, match=r"a\.tif: carries no millimetres.*--spacing-mm"):
        place_mask(smaller, IMAGE, "a.tif", True)
    with pytest.raises(ValueError, match="image: carries no millimetres"):
        place_mask(IMAGE.with_array(MASK), smaller, "mask", True, "image")


def test_with_a_spacing_it_has_a_place(tmp_path):
    given = stored(tmp_path / "a.tif", MASK, (2.0, 0.5, 0.5))
    assert given.placed
    assert laid_on(given, IMAGE) is given


def test_nothing_is_said_where_nothing_changes(tmp_path):
    mask = stored(tmp_path / "a.tif", MASK)
    assert laid_on(mask, Volume(MASK, (1, 1, 1))) is mask
    assert laid_on(mask, stored(tmp_path / "b.tif", MASK)) is mask
    write_volume(tmp_path / "a.nii.gz", mask)
    assert read_mask(tmp_path / "a.nii.gz").placed
