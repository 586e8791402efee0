"""What is hardly right is a line; what is right is none."""

import numpy as np
import pytest

from ramify.data.volume import Volume
from ramify.preprocessing.intensity import IntensitySettings
from ramify.preprocessing.plausibility import (
    check_is_image,
    doubt_about_labels,
    doubts_about_input,
    doubts_about_vessels,
)

WINDOW = IntensitySettings()
BOUNDS_ML = (10.0, 4000.0)
SPACING_MM = (3.0, 0.8, 0.8)


def ct():
    """HU of air, fat, liver and vessels, and the organ: 20 x 40 x 40 voxels of 1.92 mm3, 61 ml."""
    rng = np.random.default_rng(0)
    organ = np.zeros((24, 60, 60), bool)
    organ[2:22, 10:50, 10:50] = True
    array = np.where(organ, 100, -80) + rng.normal(0, 15, organ.shape)
    array[:, :4] = -1000
    array[10, 30, 10:50] = 240
    return np.rint(array).astype(np.int16), organ


def eight_bit(hu):
    return np.rint((hu.clip(-150, 250) + 150.0) * 255 / 400)


def doubts(array, organ=None, intensity=WINDOW, spacing_mm=SPACING_MM, bounds_ml=BOUNDS_ML):
    image = Volume(array, spacing_mm)
    return doubts_about_input(
        {"image": image}, None if organ is None else image.with_array(organ), {"image": intensity}, bounds_ml
    )


@pytest.mark.parametrize("with_organ", [True, False])
def test_a_ct_in_hu_raises_no_doubt(with_organ):
    array, organ = ct()
    assert doubts(array, organ if with_organ else None) == []
    # What is outside the scanner's view is filled with less than air.
    array[0] = -3024
    assert doubts(array.astype(np.float32), organ if with_organ else None) == []


def test_a_channel_that_cannot_be_hu_is_named_and_others_need_not_be():
    array, _ = ct()
    images = {"ct": Volume(array, SPACING_MM), "pet": Volume(eight_bit(array), SPACING_MM)}
    (doubt,) = doubts_about_input(images, None, {"ct": WINDOW, "pet": WINDOW}, BOUNDS_ML)
    assert doubt.startswith("channel pet: values from 0")
    assert doubts_about_input(images, None, {"ct": WINDOW, "pet": IntensitySettings(method="none")}, BOUNDS_ML) == []


@pytest.mark.parametrize("with_organ", [True, False])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda hu: (hu.clip(-1000, 1000) + 1000) / 2000, "rescaled, to 0..1"),
        (lambda hu: (hu.clip(-1000, 1000)) / 1000, "rescaled, to 0..1"),
        (lambda hu: eight_bit(hu).astype(np.uint8), "8-bit grey values"),
        (lambda hu: eight_bit(hu), "8-bit grey values"),
        (lambda hu: 2 * hu.clip(0), "none is below 0"),
        (lambda hu: (hu + 1000.0) * 16, "none is below 0"),
    ],
    ids=["0..1", "-1..1", "8-bit", "8-bit as float", "cut at 0", "16-bit"],
)
def test_what_cannot_be_hu_is_told(change, words, with_organ):
    array, organ = ct()
    (doubt,) = doubts(change(array), organ if with_organ else None)
    assert words in doubt
    assert "window of HU (-150 to 250)" in doubt
    assert "--preprocessing.intensity.method percentile" in doubt


@pytest.mark.parametrize("offset", [1024, 1000, -1024, 2048, 32768])
def test_an_offset_is_guessed_from_the_organ(offset):
    array, organ = ct()
    (doubt,) = doubts(array.astype(np.int32) + offset, organ)
    named = {1000: 1024}.get(abs(offset), abs(offset))
    assert f"they look like HU {'+' if offset > 0 else '-'} {named}" in doubt
    assert "100% of the organ lies outside the window" in doubt


def test_an_offset_without_an_organ_still_shows():
    array, _ = ct()
    (doubt,) = doubts(array + 1024)
    assert "values from 24 to 1264" in doubt
    assert "none is below 0" in doubt


def test_a_window_that_is_not_the_organs():
    array, organ = ct()
    (doubt,) = doubts(array, organ, IntensitySettings(window=(-1000, -200)))
    assert "the window is not the organ's" in doubt


@pytest.mark.parametrize(
    "intensity",
    [IntensitySettings(method="percentile"), IntensitySettings(method="z_score"), IntensitySettings(window=(0, 255))],
)
def test_other_scalings_expect_no_hu(intensity):
    array, organ = ct()
    assert doubts(eight_bit(array), organ, intensity) == []


@pytest.mark.parametrize(("side", "doubtful"), [(14, True), (22, False), (158, False), (171, True)])
def test_an_organ_of_3_ml_or_5_litres_is_doubted(side, doubtful):
    # A cube of 1 mm voxels: 2.7 ml, 10.6 ml, 3.94 l, 5 l.
    organ = np.ones((side,) * 3, bool)
    image = np.zeros(organ.shape, np.int16)
    found = doubts(image, organ, IntensitySettings(method="percentile"), (1.0, 1.0, 1.0))
    assert len(found) == doubtful
    if doubtful:
        assert f"has {side**3 / 1000:.3g} ml, expected 10 to 4000 ml" in found[0]
        assert "--preprocessing.organ-ml" in found[0]
        assert doubts(image, organ, IntensitySettings(method="percentile"), (1.0, 1.0, 1.0), (1, 9000)) == []


@pytest.mark.parametrize(
    ("spacing_mm", "words"),
    [
        ((1.0, 0.353, 0.353), "72 dots per inch"),
        ((0.0847, 0.0847), "300 dots per inch"),
        ((1.0, 72.0, 72.0), "72 dots per inch"),
        ((25.0, 0.7, 0.7), "wider than any scanner's"),
    ],
)
def test_a_resolution_tag_is_no_spacing(spacing_mm, words):
    (doubt,) = doubts(np.zeros((4,) * len(spacing_mm)), None, IntensitySettings(method="z_score"), spacing_mm)
    assert words in doubt


def test_a_ct_in_metres_is_doubted():
    array, organ = ct()
    metres = doubts(array, organ, IntensitySettings(), (0.002, 0.0007, 0.0007), (0, 9000))
    assert metres == [
        "a spacing of 0.002 x 0.0007 x 0.0007 mm is finer than any CT's: check that its unit is mm and not metres"
    ]


@pytest.mark.parametrize("spacing_mm", [(1.6, 0.743, 0.743), (5.0, 0.97, 0.97), (1.0, 1.0), (0.001, 0.0005, 0.0005)])
def test_spacings_of_scanners_and_microscopes_are_fine(spacing_mm):
    assert doubts(np.zeros((4,) * len(spacing_mm)), None, IntensitySettings(method="z_score"), spacing_mm) == []


def test_vessels_that_fill_the_organ_are_doubted():
    organ = np.zeros((10, 10, 10), bool)
    organ[:5] = True
    vessels = np.zeros_like(organ)
    vessels[:2] = True
    vessels[7:] = True
    assert doubts_about_vessels(vessels, organ) == []
    vessels[2, 0, 0] = True
    assert "vessels fill 40% of the organ" in doubts_about_vessels(vessels, organ)[0]
    assert "vessels fill 50% of the volume" in doubts_about_vessels(vessels, None)[0]
    assert doubts_about_vessels(~organ, organ) == []
    assert doubts_about_vessels(vessels, np.zeros_like(organ)) == []


@pytest.mark.parametrize("with_organ", [True, False])
@pytest.mark.parametrize("values", [(0, 1), (0, 255), (0, 1, 2), (0, 3, 7, 40)])
def test_a_label_map_in_place_of_an_image_is_told_as_that(values, with_organ):
    array, organ = ct()
    labels = np.asarray(values)[np.arange(array.size).reshape(array.shape) % len(values)]
    told = f"holds {len(values)} whole numbers alone ({', '.join(map(str, values))}): it looks like a label map or mask"
    for intensity in WINDOW, IntensitySettings(method="percentile"):
        (doubt,) = doubts(labels.astype(np.float32), organ if with_organ else None, intensity)
        assert doubt.startswith(told)
    image = {"image": Volume(labels, SPACING_MM)}
    with pytest.raises(ValueError, match=r"a\.nii\.gz: holds .* whole numbers alone .* give the image itself"):
        check_is_image(image, {"image": WINDOW}, "a.nii.gz")
    # Where no HU are expected a picture may well be of few values.
    for other in IntensitySettings(method="percentile"), IntensitySettings(window=(0, 255)):
        check_is_image(image, {"image": other}, "a.nii.gz")


def test_an_image_of_few_values_that_labels_do_not_have_is_one():
    for values in [(-1000, 0, 100), (0, 0.5, 1), (1, 2), range(11)]:
        assert doubt_about_labels(np.resize(np.array(values), (4, 10, 10))) == ""
