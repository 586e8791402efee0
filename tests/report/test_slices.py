import base64
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ramify.data.volume import Volume
from ramify.drawing.colours import EXTRA, MISSED
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.report.case_view import view_case
from ramify.report.class_maps import ClassMaps
from ramify.report.grey_values import CT_WINDOW, KEPT_HU, grey_values_of
from ramify.report.page import build_page
from ramify.report.settings import ReportSettings
from ramify.report.slice_still import draw_still, outline
from ramify.report.slices import FOUND, LOST, RENAMED, WRONG, CaseSlices, cut_slices
from tests.report.drawn_cases import SPACING, analysed, drawn_report, fork, fork_2d, without_left_arm
from tests.report.test_page import Page

PATIENT = ((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0))


def ct(shape: tuple[int, ...]) -> np.ndarray:
    """Air at the first corner, and grey values that rise by 20 HU a slice."""
    array = np.broadcast_to(20.0 * np.arange(shape[0])[:, None, None], shape).astype(np.int16)
    array = array.copy()
    array[0, 0, 0] = -1000
    return array


def decoded(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture)))


def cut(truth: np.ndarray, prediction: np.ndarray, image: Volume, place: Volume, **more: object) -> CaseSlices:
    spacing = place.spacing_mm
    found = cut_slices(
        analysed(prediction, spacing), analysed(truth, spacing), image, place, ReportSettings.model_validate(more)
    )
    assert found is not None
    return found


def test_what_is_found_missed_and_extra_is_told_voxel_by_voxel():
    truth, place = fork(), Volume(fork(), SPACING)
    predicted = without_left_arm(truth)
    predicted[6, 35:37, 15] = True
    slices = cut(truth, predicted, Volume(ct(truth.shape), SPACING), place)
    expected = np.zeros(truth.shape, np.uint8)
    expected[truth & predicted], expected[truth & ~predicted], expected[predicted & ~truth] = FOUND, LOST, WRONG
    # 15 mm around hold all of this volume; seen from below, the lowest slice comes first, and left is at the right.
    np.testing.assert_array_equal(slices.masks(), expected)
    assert slices.numbers == tuple(range(1, 14))
    assert slices.total == 13
    assert slices.edge_letters == ("R", "L", "A", "P")
    assert slices.first == int(np.argmax((truth | predicted).sum(axis=(1, 2))))


def test_a_case_is_turned_to_the_viewer_whichever_way_its_axes_run():
    truth = fork()
    place, turned = Volume(truth, SPACING), Volume(truth[::-1, ::-1, ::-1], SPACING, (24.0, 29.25, 37.5), PATIENT)
    image = Volume(ct(truth.shape), SPACING)
    straight = cut(truth, without_left_arm(truth), image, place)
    other = cut(turned.array, without_left_arm(truth)[::-1, ::-1, ::-1], image, turned)
    np.testing.assert_array_equal(other.masks(), straight.masks())
    assert other.numbers == straight.numbers
    assert other.edge_letters == straight.edge_letters
    assert other.pictures == straight.pictures


def test_grey_values_come_back_from_eight_bits():
    truth = fork()
    slices = cut(truth, truth, Volume(ct(truth.shape), SPACING), Volume(truth, SPACING))
    assert (slices.grey.lowest, slices.grey.highest) == KEPT_HU
    assert (slices.grey.window, slices.grey.unit) == (CT_WINDOW, "HU")
    step = (KEPT_HU[1] - KEPT_HU[0]) / 255
    for number, picture in enumerate(slices.pictures[1:], start=1):
        hounsfield = KEPT_HU[0] + decoded(picture).astype(float) * step
        np.testing.assert_allclose(hounsfield, 20 * number, atol=step, err_msg=f"slice {number}")


def test_an_image_on_another_grid_is_brought_onto_the_masks():
    """Twice as fine along z and cut short there: between its slices values lie between, beyond it there is nothing."""
    truth = fork()
    fine = Volume(np.repeat(10.0 * np.arange(21)[:, None, None], 40, 1).repeat(31, 2), (1.0, *SPACING[1:]))
    fine.array[0, 0, 0] = -1000
    slices = cut(truth, truth, fine, Volume(truth, SPACING, (0.5, 0.0, 0.0)))
    step = (KEPT_HU[1] - KEPT_HU[0]) / 255
    for number in range(1, 10):
        hounsfield = KEPT_HU[0] + decoded(slices.pictures[number]).astype(float) * step
        np.testing.assert_allclose(hounsfield, 20 * number + 5, atol=step)
    assert decoded(slices.pictures[12]).max() <= 1


def test_an_image_that_lies_elsewhere_or_nowhere_is_refused():
    truth = fork()
    place = Volume(truth, SPACING)
    with pytest.raises(ValueError, match=r"the image lies elsewhere than the masks: .*; correct the origin"):
        cut(truth, truth, Volume(ct(truth.shape), SPACING, (500.0, 0.0, 0.0)), place)
    with pytest.raises(ValueError, match="the image: carries no millimetres"):
        cut(truth, truth, Volume(ct((5, 6, 7)), (1.0, 1.0, 1.0), placed=False), place)
    for placed in (True, False):
        with pytest.raises(ValueError, match="the image has 2 dimensions and the masks have 3; give their own images"):
            cut(truth, truth, Volume(np.zeros((9, 9)), (1.0, 1.0), placed=placed), place)


def test_what_knows_no_millimetres_lies_on_the_other_of_its_shape():
    truth = fork()
    place = Volume(truth, SPACING, (10.0, 20.0, 30.0))
    image = place.with_array(ct(truth.shape))
    expected = cut(truth, truth, image, place).pictures
    bare = Volume(image.array, (1.0, 1.0, 1.0), placed=False)
    assert cut(truth, truth, bare, place).pictures == expected
    assert cut(truth, truth, image, Volume(truth, SPACING, placed=False)).pictures == expected


def test_how_much_of_what_is_shown_has_an_image_is_told():
    truth = np.zeros((10, 12, 12), bool)
    truth[:, 3:6, 3:6] = True
    place = Volume(truth, (20.0, 20.0, 20.0))
    assert cut(truth, truth, place.with_array(ct(truth.shape)), place).covered == 1
    half = Volume(ct((5, 12, 12)), place.spacing_mm)
    assert cut(truth, truth, half, place).covered == 0.5


def test_many_and_large_slices_are_fewer_and_smaller():
    truth = np.zeros((33, 300, 90), bool)
    truth[1:32, 2:298, 40:50] = True
    image, place = Volume(ct(truth.shape), (1.0, 1.0, 1.0)), Volume(truth, (1.0, 1.0, 1.0))
    slices = cut(truth, truth, image, place, slices_each=10, slice_pixels=100)
    assert slices.numbers == (1, 5, 9, 13, 17, 21, 25, 29, 33)
    assert slices.total == 33
    assert [decoded(picture).shape for picture in slices.pictures[:2]] == [(100, 13)] * 2
    # The masks keep their voxels.
    assert slices.shape == (9, 300, 40)


def test_a_thin_error_outlives_a_large_mask():
    truth = np.zeros((2100, 40), bool)
    truth[10:2090, 10:30] = True
    predicted = truth.copy()
    predicted[500, 20] = False
    plane = Volume(truth, (1.0, 1.0))
    slices = cut(truth, predicted, Volume(np.zeros(truth.shape), (1.0, 1.0)), plane)
    assert max(slices.shape) <= 1024
    assert np.count_nonzero(slices.masks() == LOST) == 1


def test_the_organ_is_shown_whole():
    truth = np.zeros((20, 100, 100), bool)
    truth[9:11, 48:52, 48:52] = True
    organ = np.zeros_like(truth)
    organ[2:18, 20:80, 30:90] = True
    analysis, place = MaskAnalysis(truth, (1.0, 1.0, 1.0)), Volume(truth, (1.0, 1.0, 1.0))
    slices = cut_slices(analysis, analysis, Volume(ct(truth.shape), (1.0, 1.0, 1.0)), place, around=organ)
    assert slices is not None
    assert slices.shape == (20, 70, 70)
    assert (slices.width_mm, slices.height_mm) == (70.0, 70.0)
    near = cut_slices(analysis, analysis, Volume(ct(truth.shape), (1.0, 1.0, 1.0)), place)
    assert near is not None
    assert near.shape == (20, 34, 34)


def test_what_has_another_class_is_told():
    truth = fork_2d()
    numbers = truth.astype(np.int16)
    other = numbers.copy()
    other[:10] *= 2
    classes = ClassMaps(("a", "b"), other, numbers)
    analysis, place = MaskAnalysis(truth, (1.0, 1.0)), Volume(truth, (1.0, 1.0))
    slices = cut_slices(
        analysis, analysis, Volume(np.arange(1200.0).reshape(30, 40), (1.0, 1.0)), place, None, None, classes
    )
    assert slices is not None
    assert np.count_nonzero(slices.masks() == RENAMED) == np.count_nonzero(truth[:10])


def test_nothing_is_cut_around_empty_masks():
    nothing = np.zeros((4, 5, 6), bool)
    analysis, place = MaskAnalysis(nothing, SPACING), Volume(nothing, SPACING)
    assert cut_slices(analysis, analysis, Volume(ct(nothing.shape), SPACING), place) is None


def test_images_that_are_no_ct_keep_their_own_range():
    image = np.linspace(0, 1000, 10_000).reshape(100, 100)
    grey = grey_values_of(image, image)
    assert (grey.lowest, grey.highest) == pytest.approx((5, 995))
    assert (grey.unit, list(grey.presets)) == ("", ["All"])
    flat = grey_values_of(np.zeros((5, 5)), np.zeros((5, 5)))
    assert not flat.as_bytes(np.zeros((5, 5))).any()


def test_a_window_of_ones_own_is_kept_whole():
    image = ct((6, 7, 8))
    grey = grey_values_of(image, image.astype(float), (300.0, 1000.0))
    assert (grey.lowest, grey.highest, grey.window) == (-250.0, 800.0, (300.0, 1000.0))
    seen = grey.seen(grey.as_bytes(np.array([-500.0, -200.0, 300.0, 800.0, np.nan])))
    np.testing.assert_allclose(seen, [0, 0, 127.5, 255, 0], atol=2)


def test_the_still_shows_errors_in_their_colours():
    truth = fork()
    slices = cut(truth, without_left_arm(truth), Volume(ct(truth.shape), SPACING), Volume(truth, SPACING))
    picture = decoded(draw_still(slices)).astype(int)
    assert picture.shape[2] == 3
    assert max(picture.shape) >= 480
    blue = np.abs(picture - MISSED).sum(axis=2) < 60
    red = np.abs(picture - EXTRA).sum(axis=2) < 60
    assert blue.any()
    assert not red.any()


def test_an_outline_is_of_the_mask():
    mask = np.zeros((5, 6), bool)
    mask[1:4, 1:5] = True
    expected = mask.copy()
    expected[2, 2:4] = False
    np.testing.assert_array_equal(outline(mask), expected)


def test_a_page_shows_the_slices_of_the_worst():
    truth = fork()
    cases = {"good": (truth, truth), "half": (without_left_arm(truth), truth)}
    report, views = drawn_report(cases)
    image, place = Volume(ct(truth.shape), SPACING), Volume(truth, SPACING)
    views = {case: replace(view, slices=cut(truth, cases[case][0], image, place)) for case, view in views.items()}
    page = Page(build_page(report, views, "", ReportSettings(slices=1, surfaces=0)))
    (scene,) = [json.loads(text) for text in page.scripts if text.startswith('{"pictures"')]
    assert base64.b64decode(scene["pictures"][3]) == views["half"].slices.pictures[3]
    assert scene["shape"] == [13, 40, 31]
    assert "1 with its image" in page.text
    assert "JavaScript, which is off here: this is slice 6 of 13" in page.text
    assert [one["class"] for one in page.all("canvas") if "class" in one] == ["strip"]
    assert [one["data-centre"] for one in page.all("button") if "data-centre" in one] == [
        "100",
        "60",
        "40",
        "200",
        "125",
    ]


def test_an_image_of_two_dimensions_has_no_slider():
    plane = fork_2d()
    report, views = drawn_report({"a": (plane, plane)})
    place = Volume(plane, SPACING[1:])
    image = Volume(np.arange(1200.0).reshape(30, 40), SPACING[1:])
    views = {"a": replace(views["a"], slices=cut(plane, plane, image, place))}
    page = Page(build_page(report, views, "", ReportSettings()))
    assert {one["class"] for one in page.all("input") if one["type"] == "range"} == {"centre", "width"}
    assert len(page.all("img")) == 4
    assert view_case(analysed(plane, SPACING[1:]), analysed(plane, SPACING[1:]), place).slices is None
