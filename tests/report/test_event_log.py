import io
import warnings

import numpy as np
import pytest
from PIL import Image

from ramify.drawing.colours import BACKDROP
from ramify.report.event_log import join_pictures, log_report
from tests.report.drawn_cases import SPACING, drawn_report, fork, fork_2d, without_left_arm


def read_events(folder) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"images": 0})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        events.Reload()
    scalars = {tag: events.Scalars(tag)[-1].value for tag in events.Tags()["scalars"]}
    images = {tag: events.Images(tag)[-1].encoded_image_string for tag in events.Tags()["images"]}
    return scalars, {tag: np.asarray(Image.open(io.BytesIO(png)).convert("RGB")) for tag, png in images.items()}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_means_and_pictures_are_logged_and_replaced(tmp_path):
    truth = fork()
    report, views = drawn_report({"a": (without_left_arm(truth), truth), "nothing": (~truth & truth, ~truth & truth)})
    for _ in range(2):
        folder = log_report(tmp_path, report, views)
    assert folder == tmp_path / "evaluation"
    assert len(list(folder.iterdir())) == 1
    scalars, images = read_events(folder)
    for measure, about in report["summary"].items():
        if measure != "counts" and about["mean"] is not None:
            assert scalars[f"evaluation/{measure}"] == pytest.approx(about["mean"], rel=1e-6)
    assert list(images) == ["evaluation/a"]
    np.testing.assert_array_equal(images["evaluation/a"], join_pictures(views["a"]))


def test_pictures_stand_in_rows_of_kind_with_square_pixels():
    truth = fork()
    _, views = drawn_report({"a": (truth, truth)})
    joined = join_pictures(views["a"])
    heights = [picture.height_mm for picture in views["a"].pictures]
    widths = [picture.width_mm for picture in views["a"].pictures]
    # The finest voxel side is a pixel, and a gap of four is behind each picture.
    finest = min(SPACING)
    wanted = 3 * (max(heights) / finest + 4), sum(width / finest + 4 for width in widths)
    assert joined.shape[:2] == pytest.approx(wanted, abs=3)
    assert (joined[-1] == BACKDROP).all()
    # Truth, prediction and error are alike here but for their colours.
    rows = np.array_split(joined, 3)
    seen = [(row != BACKDROP).any(axis=-1) for row in rows]
    np.testing.assert_array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[1], seen[2])
    assert not np.array_equal(rows[1], rows[2])


def test_an_image_is_one_column():
    plane = fork_2d()
    _, views = drawn_report({"a": (plane, plane)})
    (picture,) = views["a"].pictures
    width, height = Image.open(io.BytesIO(picture.truth)).size
    # No pixel is lost where they are made square.
    joined = join_pictures(views["a"])
    assert joined.shape[0] >= 3 * height
    assert joined.shape[1] >= width
