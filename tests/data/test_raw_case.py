import numpy as np
import pytest

from ramify.data.raw_case import RawCase, place_mask
from ramify.data.volume import Volume

IMAGE = Volume(np.zeros((3, 4, 5), np.float32), (2.0, 1.0, 1.0), (5.0, 0.0, 0.0))
MASK = IMAGE.with_array(np.ones(IMAGE.shape, bool))


def test_masks_by_name():
    case = RawCase("a", "p", IMAGE, None, MASK, {"portalvein": MASK})
    assert list(case.masks()) == ["vessels", "portalvein"]
    assert list(RawCase("a", "p", IMAGE, MASK, MASK).masks()) == ["organ", "vessels"]


def test_a_mask_that_is_no_mask_or_lies_elsewhere_is_refused():
    with pytest.raises(ValueError, match="case a, vessels: expected a boolean mask, got float32"):
        RawCase("a", "p", IMAGE, None, IMAGE)
    elsewhere = Volume(MASK.array, MASK.spacing_mm)
    with pytest.raises(ValueError, match="case a, organ does not lie on image"):
        RawCase("a", "p", IMAGE, elsewhere, MASK)


def test_placing_a_mask_checks_or_resamples():
    shifted = Volume(MASK.array, MASK.spacing_mm, (7.0, 0.0, 0.0))  # one slice up
    assert place_mask(MASK, IMAGE, "liver", resample=False).array is MASK.array
    with pytest.raises(ValueError, match=r"liver does not lie on image.*--resample-masks"):
        place_mask(shifted, IMAGE, "liver", resample=False)
    placed = place_mask(shifted, IMAGE, "liver", resample=True)
    assert placed.array.sum(axis=(1, 2)).tolist() == [0, 20, 20]


@pytest.mark.parametrize("resample", [False, True])
def test_what_readers_noted_goes_with_their_volume(resample):
    image = Volume(IMAGE.array, IMAGE.spacing_mm, IMAGE.origin_mm, notes=("spacing assumed",))
    elsewhere = (7.0, 0.0, 0.0) if resample else IMAGE.origin_mm
    mask = Volume(MASK.array, MASK.spacing_mm, elsewhere, notes=("spacing assumed", "rescaled"))
    placed = place_mask(mask, image, "liver", resample)
    left_out = ("33.3% of liver lies outside of image and is left out",) if resample else ()
    assert placed.notes == (*mask.notes, *left_out)
    case = RawCase("a", "p", image, None, placed)
    told = ["image: spacing assumed", "vessels: rescaled", *(f"vessels: {note}" for note in left_out)]
    assert case.reading_notes() == told
