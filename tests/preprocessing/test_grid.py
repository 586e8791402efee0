"""The way onto the prepared grid and back."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ramify.data.volume import Volume
from ramify.preprocessing.grid import Grid, GridSettings, plan_grid, resample


def identity(ndim):
    return tuple(tuple(float(row == column) for column in range(ndim)) for row in range(ndim))


def volume(array, spacing_mm=None):
    spacing = spacing_mm or (1.0,) * array.ndim
    return Volume(array=array, spacing_mm=spacing, origin_mm=(0.0,) * array.ndim, direction=identity(array.ndim))


def box_mask(shape, start, stop):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(a, b) for a, b in zip(start, stop))] = True
    return mask


def ball(shape, spacing_mm, centre_mm, radius_mm):
    axes = np.meshgrid(*((np.arange(n) + 0.5) * s for n, s in zip(shape, spacing_mm)), indexing="ij")
    return sum((axis - centre) ** 2 for axis, centre in zip(axes, centre_mm)) <= radius_mm**2


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


# --- one axis, by hand ---------------------------------------------------------------------------------------------


def test_doubling_puts_new_centres_at_a_quarter_and_three_quarters():
    # Edges aligned: the new centres lie at -0.25, 0.25, 0.75, 1.25 old voxels.
    np.testing.assert_allclose(resample(np.array([0.0, 1.0]), [4]), [0, 0.25, 0.75, 1])


def test_halving_takes_the_mean_of_each_pair():
    values = np.array([0.0, 2.0, 10.0, 20.0])
    np.testing.assert_allclose(resample(values, [2]), [1, 15])
    np.testing.assert_allclose(resample(values, [2], average=True), [1, 15])


def test_shrinking_threefold_samples_the_centre_or_averages_the_area():
    values = np.array([0.0, 3.0, 6.0, 9.0, 30.0, 0.0])
    np.testing.assert_allclose(resample(values, [2]), [3, 30])
    np.testing.assert_allclose(resample(values, [2], average=True), [3, 13])


def test_averaging_keeps_the_mean_when_the_factor_is_no_integer():
    values = np.arange(35.0).reshape(5, 7) ** 2
    np.testing.assert_allclose(resample(values, [3, 4], average=True).mean(), values.mean(), rtol=1e-6)


def test_a_linear_ramp_stays_on_its_line():
    old, new = 12, 17
    ramp = 3.0 * (np.arange(old) + 0.5)
    expected = 3.0 * (np.arange(new) + 0.5) * old / new
    # The outermost half voxel has no neighbour to interpolate with.
    np.testing.assert_allclose(resample(ramp, [new])[1:-1], expected[1:-1], rtol=1e-5)


def test_one_voxel_fills_any_shape():
    np.testing.assert_array_equal(resample(np.full((1, 1), 7.0), [3, 2]), np.full((3, 2), 7.0))


def test_the_same_shape_is_the_same_values_in_new_memory():
    values = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    result = resample(values, values.shape)
    np.testing.assert_array_equal(result, values)
    assert not np.shares_memory(result, values)


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
    st.lists(st.integers(1, 9), min_size=3, max_size=3),
    st.booleans(),
)
def test_values_stay_within_their_range_and_flips_commute(old, new, average):
    values = np.random.default_rng(len(old)).uniform(-1, 1, old)
    shape = new[: len(old)]
    result = resample(values, shape, average)
    assert result.shape == tuple(shape)
    assert result.dtype == np.float32
    assert result.min() >= values.min() - 1e-6
    assert result.max() <= values.max() + 1e-6
    flipped = resample(values[::-1], shape, average)[::-1]
    np.testing.assert_allclose(result, flipped, atol=1e-6)


# --- planning ------------------------------------------------------------------------------------------------------


def test_the_crop_is_the_organs_box_with_its_margin():
    image = volume(np.zeros((20, 30, 40), np.float32), (2.0, 1.0, 0.5))
    organ = volume(box_mask((20, 30, 40), (5, 10, 3), (9, 20, 30)), (2.0, 1.0, 0.5))
    grid = plan_grid(image, organ, GridSettings(margin_mm=4.0))
    # 4 mm are 2, 4 and 8 voxels; the volume's edge cuts the last axis at 0.
    assert grid.crop_start == (3, 6, 0)
    assert grid.crop_stop == (11, 24, 38)
    assert grid.shape == (8, 18, 38)
    assert grid.spacing_mm == (2.0, 1.0, 0.5)


def test_a_fixed_size_stretches_the_box_and_its_spacing():
    image = volume(np.zeros((10, 20, 40), np.float32), (3.0, 1.0, 0.5))
    grid = plan_grid(image, None, GridSettings(crop="volume", size=(15, 10, 40)))
    assert grid.shape == (15, 10, 40)
    assert grid.spacing_mm == pytest.approx((2.0, 2.0, 0.5))


def test_a_wanted_spacing_fills_the_box_exactly():
    image = volume(np.zeros((10, 21), np.float32), (1.0, 1.0))
    grid = plan_grid(image, None, GridSettings(crop="volume", spacing_mm=(2.0, 2.0)))
    assert grid.shape == (5, 10)
    assert grid.spacing_mm == pytest.approx((2.0, 2.1))


def test_a_spacing_wider_than_the_box_leaves_one_voxel():
    image = volume(np.zeros((3, 50), np.float32))
    assert plan_grid(image, None, GridSettings(crop="volume", spacing_mm=(30.0, 1.0))).shape == (1, 50)


def test_a_native_axis_keeps_its_spacing_to_the_last_bit():
    spacing = (1.6, 0.742999970912933, 0.742999970912933)
    image = volume(np.zeros((7, 11, 13), np.float32), spacing)
    assert plan_grid(image, None, GridSettings(crop="volume")).spacing_mm == spacing


@pytest.mark.parametrize(
    ("organ", "settings", "message"),
    [
        (None, GridSettings(), r"no organ mask.*--preprocessing\.grid\.crop volume"),
        (np.zeros((4, 5, 6), bool), GridSettings(), r"organ mask is empty.*--preprocessing\.grid\.crop volume"),
        (np.ones((4, 5, 7), bool), GridSettings(), r"expected the image's shape \(4, 5, 6\), got \(4, 5, 7\)"),
        (np.ones((4, 5, 6), bool), GridSettings(size=(8, 8)), r"size: expected 3 numbers.*got 2"),
        (np.ones((4, 5, 6), bool), GridSettings(spacing_mm=(1, 1, 1, 1)), r"spacing_mm: expected 3 numbers.*got 4"),
    ],
)
def test_a_grid_that_cannot_be_planned_is_one_line(organ, settings, message):
    image = volume(np.zeros((4, 5, 6), np.float32))
    with pytest.raises(ValueError, match=message) as raised:
        plan_grid(image, None if organ is None else volume(organ), settings)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"size": (4, 4, 4), "spacing_mm": (1, 1, 1)},
        {"size": (0, 4, 4)},
        {"spacing_mm": (0, 1, 1)},
        {"spacing_mm": (float("inf"), 1, 1)},
        {"margin_mm": -1},
        {"crop": "liver"},
        {"shape": (4, 4, 4)},
    ],
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValidationError):
        GridSettings(**settings)


# --- there and back ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ndim", [2, 3])
def test_native_voxels_come_back_as_they_were(ndim):
    shape = (9, 12, 10)[:ndim]
    rng = np.random.default_rng(0)
    organ = box_mask(shape, (2,) * ndim, (7,) * ndim)
    grid = plan_grid(volume(np.zeros(shape, np.float32)), volume(organ), GridSettings(margin_mm=1))
    mask = (rng.random(shape) < 0.3) & organ
    np.testing.assert_array_equal(grid.to_native(grid.mask_to_prepared(mask)), mask.astype(np.float32))


@pytest.mark.parametrize(
    ("shape", "spacing_mm", "size"),
    [
        ((40, 90, 80), (2.5, 0.8, 0.8), (64, 64, 64)),
        ((40, 90, 80), (2.5, 0.8, 0.8), (128, 96, 96)),
        ((90, 80), (0.8, 1.1), (64, 128)),
    ],
)
def test_a_ball_comes_back_at_its_place(shape, spacing_mm, size):
    extent = [n * s for n, s in zip(shape, spacing_mm)]
    mask = ball(shape, spacing_mm, [0.5 * e for e in extent], 0.3 * min(extent))
    image = volume(np.zeros(shape, np.float32), spacing_mm)
    grid = plan_grid(image, volume(mask, spacing_mm), GridSettings(margin_mm=5, size=size))
    prepared = grid.mask_to_prepared(mask)
    back = grid.to_native(prepared) >= 0.5
    assert back.shape == shape
    assert dice(back, mask) > 0.98
    # Half a voxel of shift would show here long before it shows in Dice.
    centre = [np.mean(where) for where in np.nonzero(mask)]
    np.testing.assert_allclose([np.mean(where) for where in np.nonzero(back)], centre, atol=0.1)
    volume_mm3 = np.count_nonzero(mask) * np.prod(spacing_mm)
    assert np.count_nonzero(prepared) * np.prod(grid.spacing_mm) == pytest.approx(volume_mm3, rel=0.02)


def test_outside_the_crop_is_filled():
    shape = (6, 8)
    grid = plan_grid(
        volume(np.zeros(shape, np.float32)),
        volume(box_mask(shape, (2, 3), (4, 6))),
        GridSettings(margin_mm=0, size=(4, 4)),
    )
    back = grid.to_native(np.ones((4, 4)), fill=-1)
    expected = np.full(shape, -1.0)
    expected[2:4, 3:6] = 1
    np.testing.assert_array_equal(back, expected)


def test_a_half_covered_voxel_is_foreground_on_either_side():
    mask = np.zeros((1, 6), bool)
    mask[0, 1:5] = True
    grid = plan_grid(volume(np.zeros((1, 6), np.float32)), None, GridSettings(crop="volume", size=(1, 3)))
    np.testing.assert_array_equal(grid.mask_to_prepared(mask), [[True, True, True]])


def test_arrays_of_another_shape_are_refused():
    grid = plan_grid(volume(np.zeros((6, 8), np.float32)), None, GridSettings(crop="volume", size=(3, 4)))
    for call, shape in (
        (grid.image_to_prepared, (3, 4)),
        (grid.mask_to_prepared, (6, 9)),
        (grid.to_native, (6, 8)),
    ):
        with pytest.raises(ValueError, match="expected shape"):
            call(np.zeros(shape, np.float32))


def test_json_gives_the_same_grid():
    organ = volume(box_mask((7, 9, 8), (1, 2, 3), (5, 6, 7)), (1.6, 0.743, 0.743))
    grid = plan_grid(organ, organ, GridSettings(size=(4, 5, 6)))
    assert Grid.from_dict(json.loads(json.dumps(grid.to_dict()))) == grid
    assert hash(grid) == hash(Grid.from_dict(grid.to_dict()))
