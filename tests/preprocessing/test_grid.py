"""The way onto the prepared grid and back."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

from ramify.data.volume import Volume
from ramify.preprocessing.grid import Grid, plan_grid
from ramify.preprocessing.settings import GridSettings


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


def test_outside_the_crop_is_zero():
    shape = (6, 8)
    grid = plan_grid(
        volume(np.zeros(shape, np.float32)),
        volume(box_mask(shape, (2, 3), (4, 6))),
        GridSettings(margin_mm=0, size=(4, 4)),
    )
    back = grid.to_native(np.ones((4, 4)))
    expected = np.zeros(shape)
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


@pytest.mark.parametrize("ndim", [2, 3])
def test_what_lies_around_the_crop_is_seen_at_its_voxel_size(ndim):
    shape, rng = (20, 24, 22)[:ndim], np.random.default_rng(1)
    mask = rng.random(shape) < 0.4
    organ = box_mask(shape, (6,) * ndim, (14,) * ndim)
    image = volume(np.zeros(shape, np.float32), (2.0, 1.0, 0.5)[:ndim])
    grid = plan_grid(image, volume(organ, image.spacing_mm), GridSettings(margin_mm=0))
    around, own = grid.mask_around(mask, margin_mm=2.0)
    # 1, 2 and 4 voxels of the native size, as nothing is resampled.
    box = tuple(slice(6 - room, 14 + room) for room in (1, 2, 4)[:ndim])
    np.testing.assert_array_equal(around, mask[box])
    np.testing.assert_array_equal(around[own], grid.mask_to_prepared(mask))


def test_a_mask_around_a_grid_is_that_of_a_wider_grid_in_step_with_it():
    shape = (40, 36)
    mask = np.random.default_rng(4).random(shape) < 0.5
    # 12 voxels become 9 and 18: 12 more on either side become as many more.
    organ, wider = box_mask(shape, (14, 12), (26, 24)), box_mask(shape, (2, 0), (38, 36))
    grid = plan_grid(volume(mask), volume(organ), GridSettings(margin_mm=0, size=(9, 18)))
    wide = plan_grid(volume(mask), volume(wider), GridSettings(margin_mm=0, size=(27, 54)))
    around, own = grid.mask_around(mask, margin_mm=11.9)
    assert own == (slice(9, 18), slice(18, 36))
    expected = wide.mask_to_prepared(mask)
    # At its own border each grid looks at what is inside alone.
    inner = np.zeros(around.shape, bool)
    inner[1:-1, 1:-1] = True
    inner[8:10] = inner[17:19] = inner[:, 17:19] = inner[:, 35:37] = False
    np.testing.assert_array_equal(around[inner], expected[inner])
    np.testing.assert_array_equal(around[own], grid.mask_to_prepared(mask))


@pytest.mark.parametrize("size", [(7, 9, 8), (5, 4, 3), (20, 13, 9), (1, 1, 1)])
def test_every_prepared_vessel_voxel_has_a_label_of_a_native_one_beside_it(size):
    shape, rng = (10, 12, 11), np.random.default_rng(2)
    labels = np.where(rng.random(shape) < 0.5, rng.integers(1, 1000, shape), 0).astype(np.int32)
    organ = box_mask(shape, (2, 1, 3), (9, 12, 10))
    grid = plan_grid(volume(labels > 0), volume(organ), GridSettings(margin_mm=0, size=size))
    inside = grid.mask_to_prepared(labels > 0)
    # A part of the volume, as preparation gives it: what lies outside of it is background.
    prepared = grid.labels_to_prepared(labels[1:, :, 2:], inside, start=(1, 0, 2))
    np.testing.assert_array_equal(prepared > 0, inside)
    factor = [(stop - start) / new for start, stop, new in zip(grid.crop_start, grid.crop_stop, size)]
    for index in np.argwhere(inside):
        place = grid.crop_start + (index + 0.5) * factor - 0.5
        near = tuple(slice(max(0, int(np.floor(at))), int(np.ceil(at)) + 1) for at in place)
        assert prepared[tuple(index)] in labels[near]


def test_labels_on_the_native_voxels_are_the_labels():
    labels = np.random.default_rng(3).integers(0, 4, (8, 9)).astype(np.uint8)
    grid = plan_grid(volume(labels > 0), None, GridSettings(crop="volume"))
    prepared = grid.labels_to_prepared(labels, labels > 0, start=(0, 0))
    assert prepared.dtype == np.uint8
    np.testing.assert_array_equal(prepared, labels)


def test_a_mask_goes_back_as_a_prediction_of_it_would():
    shape = (20, 24)
    mask = ball(shape, (1.0, 1.0), [9.0, 13.0], 6.0)
    grid = plan_grid(volume(mask), volume(mask), GridSettings(margin_mm=2, size=(9, 11)))
    prepared = grid.mask_to_prepared(mask)
    np.testing.assert_array_equal(grid.mask_to_native(prepared), grid.to_native(prepared) >= 0.5)


def test_json_gives_the_same_grid():
    organ = volume(box_mask((7, 9, 8), (1, 2, 3), (5, 6, 7)), (1.6, 0.743, 0.743))
    grid = plan_grid(organ, organ, GridSettings(size=(4, 5, 6)))
    assert Grid.from_dict(json.loads(json.dumps(grid.to_dict()))) == grid
    assert hash(grid) == hash(Grid.from_dict(grid.to_dict()))
