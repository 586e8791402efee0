"""Grey values on their way to a network."""

import numpy as np
import pytest
from pydantic import ValidationError

from ramify.preprocessing.intensity import IntensitySettings, normalise, rules_of


def test_the_window_becomes_zero_to_one():
    image = np.array([[-1000.0, -150.0, 50.0], [150.0, 250.0, 3000.0]])
    result = normalise(image, IntensitySettings())
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, [[0, 0, 0.5], [0.75, 1, 1]])


def test_the_window_can_become_minus_one_to_one():
    image = np.array([0.0, 25.0, 50.0, 100.0])
    result = normalise(image, IntensitySettings(window=(0, 100), output_range="minus_one_one"))
    np.testing.assert_allclose(result, [-1, -0.5, 0, 1])


def test_percentiles_are_those_of_the_organ():
    image = np.arange(101.0)
    organ = image >= 50
    settings = IntensitySettings(method="percentile", percentiles=(0, 100))
    inside = normalise(image, settings, organ)
    np.testing.assert_allclose(inside[[0, 50, 75, 100]], [0, 0, 0.5, 1])
    whole = normalise(image, IntensitySettings(method="percentile", percentiles=(0, 100), inside_organ=False), organ)
    np.testing.assert_allclose(whole[[0, 50, 100]], [0, 0.5, 1])


def test_percentiles_ignore_scale_and_offset():
    image = np.random.default_rng(0).normal(size=(20, 20))
    settings = IntensitySettings(method="percentile")
    np.testing.assert_allclose(normalise(image, settings), normalise(3 * image - 7, settings), atol=1e-5)


def test_z_score_has_mean_zero_and_deviation_one_inside_the_organ():
    rng = np.random.default_rng(0)
    image = rng.normal(300, 20, size=(30, 30, 30))
    organ = np.zeros(image.shape, bool)
    organ[5:20, 5:20, 5:20] = True
    image[~organ] -= 500
    result = normalise(image, IntensitySettings(method="z_score"), organ)
    assert result[organ].mean(dtype=np.float64) == pytest.approx(0, abs=1e-5)
    assert result[organ].std(dtype=np.float64) == pytest.approx(1, abs=1e-5)
    # The rest is on the same scale: 500 below at a deviation of 20.
    assert result[~organ].mean() == pytest.approx(-25, abs=0.5)


def test_values_may_stay_as_they_are():
    image = np.array([[-1000.0, 0.25], [3.0, 1e6]], dtype=np.float32)
    result = normalise(image, IntensitySettings(method="none"))
    np.testing.assert_array_equal(result, image)
    assert not np.shares_memory(result, image)


def test_a_channel_has_the_general_rule_or_its_own():
    general, own = IntensitySettings(), IntensitySettings(method="z_score")
    assert rules_of(["ct", "pet"], general, {"pet": own}) == {"ct": general, "pet": own}
    with pytest.raises(ValueError, match=r"preprocessing\.channels: no channel 'mr'; the image has ct, pet"):
        rules_of(["ct", "pet"], general, {"mr": own})


def test_the_input_is_left_alone():
    image = np.array([0.0, 100.0, 300.0], dtype=np.float32)
    normalise(image, IntensitySettings())
    np.testing.assert_array_equal(image, [0, 100, 300])


@pytest.mark.parametrize("method", ["window", "percentile", "z_score", "foreground", "none"])
@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.array([[0.0, 1.0], [np.nan, 5.0]]), r"^case_7: 1 voxels are NaN or infinite, the first at \(1, 0\)"),
        (np.array([0.0, np.inf, -np.inf]), r"^case_7: 2 voxels are NaN"),
        (np.full((3, 4), 40.0), r"^case_7: constant, every voxel is 40"),
        (np.zeros((0, 3)), r"^case_7: no voxels"),
    ],
)
def test_an_image_without_information_is_one_line_naming_it(method, image, message):
    with pytest.raises(ValueError, match=message) as raised:
        normalise(image, IntensitySettings(method=method), name="case_7")
    assert "\n" not in str(raised.value)


def test_a_window_that_misses_the_image_is_told():
    with pytest.raises(ValueError, match=r"scan: its values 0 to 1 .* outside the window 100 to 200; .*intensity"):
        normalise(np.array([0.0, 1.0]), IntensitySettings(window=(100, 200)), name="scan")


def test_equal_percentiles_are_told():
    image = np.zeros(1000)
    image[0] = 1
    with pytest.raises(ValueError, match=r"percentiles 0\.5 and 99\.5 are both 0"):
        normalise(image, IntensitySettings(method="percentile"))


def test_an_organ_of_one_value_cannot_give_a_deviation():
    image = np.array([5.0, 5.0, 9.0])
    with pytest.raises(ValueError, match="constant inside the organ"):
        normalise(image, IntensitySettings(method="z_score"), np.array([True, True, False]))


@pytest.mark.parametrize(
    "settings",
    [
        {"window": (250, -150)},
        {"window": (0, float("nan"))},
        {"percentiles": (50, 50)},
        {"percentiles": (-1, 99)},
        {"percentiles": (0, 101)},
        {"method": "minmax"},
        {"foreground": (250, 50, 140, 40)},
        {"foreground": (50, 250, 140, 0)},
        {"range": "unit"},
    ],
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValidationError):
        IntensitySettings(**settings)
