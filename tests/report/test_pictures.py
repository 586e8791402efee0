import io

import numpy as np
import pytest
from PIL import Image

from ramify.drawing.colours import AGREEING, BACKDROP, EXTRA, MISSED, PREDICTION, scale_colours
from ramify.report.pictures import MOST_PIXELS, ViewPictures, draw_views, packed
from tests.report.drawn_cases import analysed, fork, fork_2d, without_left_arm

UPRIGHT = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
PLANE = ((1.0, 0.0), (0.0, 1.0))


def pixels(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)


def drawn_2d(prediction: np.ndarray, truth: np.ndarray) -> ViewPictures:
    spacing = (1.0, 1.0)
    (pictures,) = draw_views(analysed(prediction, spacing), analysed(truth, spacing), PLANE)
    return pictures


def test_in_2d_each_pixel_has_the_colour_of_what_it_is():
    truth, prediction = np.zeros((2, 20, 24), dtype=bool)
    truth[5:8, 2:20] = True
    prediction[5:8, 8:20] = True
    prediction[12:15, 8:20] = True
    pictures = drawn_2d(prediction, truth)
    # Rows 5 to 14 and columns 2 to 19, with two voxels of room.
    error = pixels(pictures.error)
    top, left = 5 - 2, 2 - 2
    assert error.shape == (14, 22, 3)
    for row, column, colour in ((6, 4, MISSED), (6, 10, AGREEING), (13, 10, EXTRA), (10, 10, BACKDROP)):
        assert tuple(error[row - top, column - left]) == colour
    assert tuple(pixels(pictures.prediction)[13 - top, 10 - left]) == PREDICTION
    assert (pictures.width_mm, pictures.height_mm, pictures.edge_letters) == (22.0, 14.0, ())


def test_the_truth_is_coloured_by_scale():
    truth = fork_2d()
    picture = pixels(drawn_2d(truth, truth).truth)
    found = {tuple(colour) for colour in picture.reshape(-1, 3)}
    assert found <= {BACKDROP, *scale_colours(3)}
    assert len(found) >= 3


def test_three_directions_of_a_volume():
    truth = fork()
    views = draw_views(analysed(without_left_arm(truth)), analysed(truth), UPRIGHT)
    assert [view.title.split(",")[0] for view in views] == ["axial", "coronal", "sagittal"]
    axial = views[0]
    assert axial.edge_letters == ("R", "L", "A", "P")
    error = pixels(axial.error)
    # The missed arm lies at the patient's right, which is at the left of the picture.
    blue = (error[..., 2] > error[..., 0] + 40).any(axis=0)
    assert blue[:7].any()
    assert not blue[12:].any()
    assert not (error[..., 0] > error[..., 2] + 40).any()


def test_what_lies_deeper_is_darker():
    truth = np.zeros((20, 12, 12), dtype=bool)
    truth[2:4, 2:10, 2:4] = True
    truth[16:18, 2:10, 8:10] = True
    axial = draw_views(analysed(truth), analysed(truth), UPRIGHT)[0]
    brightness = pixels(axial.prediction).sum(axis=(0, 2)).astype(float)
    # Seen from below: the first slices are near.
    near, far = brightness[: len(brightness) // 2].max(), brightness[len(brightness) // 2 :].max()
    assert near > 1.5 * far


def test_an_error_shows_before_a_vessel_behind_it():
    truth = np.zeros((12, 12, 12), dtype=bool)
    truth[2:10, 4:8, 4:8] = True
    prediction = truth.copy()
    prediction[2:4] = False
    error = pixels(draw_views(analysed(prediction), analysed(truth), UPRIGHT)[0].error)
    middle = error[error.shape[0] // 2, error.shape[1] // 2]
    # Two voxels missed, six agreeing, errors four times: 8 of 14 parts blue.
    share = (middle[0] - AGREEING[0]) / (MISSED[0] - AGREEING[0])
    assert share == pytest.approx(8 / 14, abs=0.07)


def test_empty_masks_and_large_images():
    truth = fork_2d()
    nothing = np.zeros_like(truth)
    assert draw_views(analysed(nothing, (1.0, 1.0)), analysed(nothing, (1.0, 1.0)), PLANE) == ()
    assert (pixels(drawn_2d(nothing, truth).prediction) == BACKDROP).all()
    assert (pixels(drawn_2d(truth, nothing).truth) == BACKDROP).all()
    wide = np.zeros((40, 2 * MOST_PIXELS + 50), dtype=bool)
    wide[18:21] = True
    picture = pixels(drawn_2d(wide, wide).prediction)
    assert picture.shape[1] <= MOST_PIXELS
    assert picture.sum(axis=-1).max() > sum(BACKDROP) + 100


@pytest.mark.parametrize("colours", [1, 2, 256, 3000])
def test_pictures_come_back_as_they_were(colours):
    rng = np.random.default_rng(colours)
    picture = rng.integers(0, 256, (colours, 3))[rng.integers(0, colours, (97, 51))].astype(np.uint8)
    np.testing.assert_array_equal(pixels(packed(picture)), picture)
