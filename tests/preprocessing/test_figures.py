"""Quality figures: what they show, looked at in their pixels."""

import matplotlib.image
import numpy as np
import pytest

from ramify.drawing.colours import class_colours, scale_colours
from ramify.preprocessing.figures import draw_case
from ramify.preprocessing.prepare import prepare_case
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.vessels.scale_settings import ScaleSettings
from tests.preprocessing.drawn_cases import bars_in_a_box, classes_in_a_box


def prepared(ndim=3, **settings):
    arrays, record = prepare_case(bars_in_a_box(ndim=ndim), PreprocessingSettings(**settings))
    return arrays, {**record, "case_id": "case_1"}


def share_of_colour(path, colour):
    """Share of the figure's pixels of a colour, however dark."""
    pixels = matplotlib.image.imread(path)[..., :3].reshape(-1, 3)
    target = np.array(colour) / 255
    length = np.linalg.norm(pixels, axis=1)
    likeness = pixels @ target / np.maximum(length * np.linalg.norm(target), 1e-9)
    return np.mean((likeness > 0.999) & (length > 0.3 * np.linalg.norm(target)))


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("quantiles", [(), (0.25, 0.75), (0.1, 0.3, 0.5, 0.7)])
def test_every_scale_is_seen_in_its_colour(tmp_path, ndim, quantiles):
    arrays, record = prepared(ndim, scales=ScaleSettings(quantiles=quantiles))
    path = tmp_path / "figures/case_1.png"
    draw_case(path, arrays, record)
    for scale, colour in enumerate(scale_colours(len(quantiles) + 1), start=1):
        # The legend shows every colour, the panels only scales that have voxels.
        seen = share_of_colour(path, colour)
        assert seen > (2e-3 if (arrays["scales"] == scale).any() else 0), scale


@pytest.mark.parametrize("ndim", [2, 3])
def test_every_class_is_seen_in_its_colour_beside_the_scales(tmp_path, ndim):
    arrays, record = prepare_case(classes_in_a_box(ndim), PreprocessingSettings())
    path = tmp_path / "case_1.png"
    draw_case(path, arrays, {**record, "case_id": "case_1"})
    for colour in (*scale_colours(3), *class_colours(2)):
        assert share_of_colour(path, colour) > 1e-3
    # What nobody labelled is shown by no colour.
    assert share_of_colour(path, class_colours(3)[2]) == 0


def test_a_scale_takes_as_much_of_the_picture_as_of_the_plane(tmp_path):
    arrays, record = prepared(2)
    path = tmp_path / "case.png"
    draw_case(path, arrays, record)
    small, large = (share_of_colour(path, colour) for colour in (scale_colours(3)[1], scale_colours(3)[2]))
    voxels = record["scales"]["voxels"]
    assert large / small == pytest.approx(voxels[2] / voxels[1], rel=0.1)


def test_the_same_case_gives_the_same_bytes_and_nothing_else(tmp_path):
    arrays, record = prepared()
    for name in ("a.png", "b.png"):
        draw_case(tmp_path / name, arrays, record)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 200, 3), (60, 2, 2)])
def test_odd_shapes_are_drawn(tmp_path, shape):
    record = {
        "case_id": "odd",
        "shape": list(shape),
        "spacing_mm": [1.0, 1.0, 1.0],
        "grid": {"native_direction": np.eye(3).tolist()},
        "notes": ["a note " * 60],
        "scales": {
            "estimator": "volume",
            "thresholds_mm": [],
            "voxels": [1],
            "branches": [1],
            "radii_mm": [1.0],
            "notes": [],
        },
    }
    ones = np.ones(shape, np.uint8)
    draw_case(tmp_path / "odd.png", {"image": ones.astype(np.float32)[None], "organ": ones, "scales": ones}, record)
    height, width, _ = matplotlib.image.imread(tmp_path / "odd.png").shape
    assert width == 9 * 150
    assert 300 < height < 4000


def test_a_case_without_organ_or_vessel_in_sight_is_drawn(tmp_path):
    arrays, record = prepared()
    empty = {**arrays, "organ": np.zeros_like(arrays["organ"]), "scales": np.zeros_like(arrays["scales"])}
    draw_case(tmp_path / "empty.png", empty, record)
    assert (tmp_path / "empty.png").is_file()


def test_a_case_without_a_vessel_is_drawn_with_all_its_scales(tmp_path):
    arrays, record = prepared()
    scales = {**record["scales"], "thresholds_mm": [], "radii_mm": [], "voxels": [0, 0, 0], "branches": [0, 0, 0]}
    empty = {**arrays, "scales": np.zeros_like(arrays["scales"])}
    draw_case(tmp_path / "negative.png", empty, {**record, "scales": scales})
    assert (tmp_path / "negative.png").is_file()
