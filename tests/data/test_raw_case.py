import numpy as np
import pytest

from ramify.data.raw_case import RawCase, place_mask
from ramify.data.volume import Volume
from ramify.tasks.class_table import ClassTable

IMAGE = Volume(np.zeros((3, 4, 5), np.float32), (2.0, 1.0, 1.0), (5.0, 0.0, 0.0))
MASK = IMAGE.with_array(np.ones(IMAGE.shape, bool))


def test_masks_by_name():
    case = RawCase("a", "p", {"image": IMAGE}, None, MASK, {"portalvein": MASK})
    assert list(case.masks()) == ["vessels", "portalvein"]
    assert list(RawCase("a", "p", {"image": IMAGE}, MASK, MASK).masks()) == ["organ", "vessels"]


def test_a_mask_that_is_no_mask_or_lies_elsewhere_is_refused():
    with pytest.raises(ValueError, match="case a, vessels: expected a boolean mask, got float32"):
        RawCase("a", "p", {"image": IMAGE}, None, IMAGE)
    elsewhere = Volume(MASK.array, MASK.spacing_mm)
    with pytest.raises(ValueError, match="case a, organ does not lie on image"):
        RawCase("a", "p", {"image": IMAGE}, elsewhere, MASK)


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
    case = RawCase("a", "p", {"image": image}, None, placed)
    told = ["image: spacing assumed", "vessels: rescaled", *(f"vessels: {note}" for note in left_out)]
    assert case.reading_notes() == told


def case_of(images, **other):
    return RawCase("a", "p", images, None, MASK, **other)


def test_channels_lie_on_one_grid_and_the_first_is_the_image():
    second = IMAGE.with_array(IMAGE.array + 1)
    assert case_of({"t1": second, "t2": IMAGE}).image is second
    shifted = Volume(IMAGE.array, IMAGE.spacing_mm)
    with pytest.raises(ValueError, match="case a, channel t2 does not lie on channel t1"):
        case_of({"t1": IMAGE, "t2": shifted})
    with pytest.raises(ValueError, match="case a: has no image"):
        case_of({})


def test_a_class_map_goes_with_a_table_of_several():
    table = ClassTable.model_validate({"classes": {"portal": 1, "hepatic": 2}})
    classes = IMAGE.with_array(np.ones(IMAGE.shape, np.uint8))
    assert case_of({"image": IMAGE}, classes=classes, table=table).classes is classes
    for wrong in ({"classes": classes}, {"table": table}):
        with pytest.raises(ValueError, match="case a: a class map goes with a table of several classes"):
            case_of({"image": IMAGE}, **wrong)
    with pytest.raises(ValueError, match="case a, classes: expected a class map of uint8, got bool"):
        case_of({"image": IMAGE}, classes=MASK, table=table)
    elsewhere = Volume(classes.array, classes.spacing_mm)
    with pytest.raises(ValueError, match="case a, classes does not lie on image"):
        case_of({"image": IMAGE}, classes=elsewhere, table=table)
