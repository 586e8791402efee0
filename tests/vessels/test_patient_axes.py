"""A patient is prepared as the same arrays, however the file stores them."""

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ramify.data.raw_case import RawCase
from ramify.data.volume import Volume
from ramify.preprocessing.grid import Grid, plan_grid
from ramify.preprocessing.intensity import IntensitySettings
from ramify.preprocessing.prepare import prepare_case
from ramify.preprocessing.settings import GridSettings, PreprocessingSettings
from ramify.vessels.patient_axes import canonical_orientation, layout_name
from tests.preprocessing.drawn_cases import bars_in_a_box
from tests.storage_orders import ORDERS, all_stored, restored, stored

STRAIGHT = np.eye(3).tolist()
TILTED = Rotation.from_euler("zyx", (25, -12, 7), degrees=True).as_matrix().tolist()
HALFWAY = Rotation.from_euler("x", 45, degrees=True).as_matrix().tolist()
DIRECTIONS = {"straight": STRAIGHT, "tilted gantry": TILTED, "halfway between two axes": HALFWAY}


def turned(direction, order):
    axes, steps = order
    return (np.array(direction)[:, axes] * steps).tolist()


@pytest.mark.parametrize("direction", [STRAIGHT, TILTED], ids=["straight", "tilted"])
def test_every_order_is_undone(direction):
    array = np.arange(24).reshape(2, 3, 4)
    for order in ORDERS:
        pose = canonical_orientation(turned(direction, order))
        laid = pose.lay(restored(array, order))
        np.testing.assert_array_equal(laid, array)
        assert pose.lay_sizes(restored(array, order).shape) == (2, 3, 4)


def test_a_scan_halfway_between_two_axes_is_laid_one_way_whatever_noise_its_header_has():
    rng = np.random.default_rng(0)
    array = np.arange(24).reshape(2, 3, 4)
    expected = canonical_orientation(HALFWAY).lay(array)
    for order in ORDERS:
        noisy = np.array(turned(HALFWAY, order)) + rng.uniform(-1e-6, 1e-6, (3, 3))
        np.testing.assert_array_equal(canonical_orientation(noisy.tolist()).lay(restored(array, order)), expected)


def test_any_rotation_keeps_its_hand_and_takes_each_axis_once():
    matrices = [rotation.as_matrix() for rotation in Rotation.random(500, random_state=0)]
    assert any(len(set(np.abs(matrix).argmax(axis=0).tolist())) < 3 for matrix in matrices)
    for matrix in matrices:
        pose = canonical_orientation(matrix.tolist())
        assert sorted(pose.axes) == [0, 1, 2]
        laid = matrix[:, pose.axes] * [-1 if pose.backwards[axis] else 1 for axis in pose.axes]
        # A mirrored patient would have a liver on the left.
        assert np.linalg.det(laid) == pytest.approx(1)
        assert (np.diagonal(laid) > 0).all()


def test_2d_stays_as_it_is():
    pose = canonical_orientation([[0.0, -1.0], [1.0, 0.0]])
    assert (pose.axes, pose.backwards) == ((0, 1), (False, False))
    assert (layout_name(2), layout_name(3)) == ("as stored", "LPS")


def patient(direction):
    raw = bars_in_a_box()
    place = {"origin_mm": raw.image.origin_mm, "direction": tuple(map(tuple, direction))}
    # Uneven slices, so that every axis is told from the others by its spacing, and nothing is symmetric.
    image, organ, vessels = (
        Volume(volume.array, (2.0, 0.7, 0.9), **place) for volume in (raw.image, raw.organ, raw.vessels)
    )
    return image, organ, vessels


SETTINGS = {
    "size": PreprocessingSettings(
        grid=GridSettings(size=(12, 48, 30), margin_mm=3), intensity=IntensitySettings(method="z_score")
    ),
    "spacing": PreprocessingSettings(
        grid=GridSettings(spacing_mm=(3.0, 0.5, 1.3)), intensity=IntensitySettings(method="percentile")
    ),
    "native voxels": PreprocessingSettings(grid=GridSettings(margin_mm=1.5)),
    "whole volume": PreprocessingSettings(
        grid=GridSettings(crop="volume", spacing_mm=(2.5, 1.0, 1.0)),
        intensity=IntensitySettings(method="z_score", inside_organ=False),
    ),
}


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS.keys())
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
def test_48_storage_orders_of_a_case_are_the_same_prepared_bytes(settings, direction):
    volumes = patient(direction)
    arrays, record = prepare_case(RawCase("a", "a", {"image": volumes[0]}, *volumes[1:]), settings)
    # Every order goes through the image; the slower scales are compared for every eighth.
    for number, (_, (image, organ, vessels)) in enumerate(all_stored(*volumes)):
        if number % 8 == 0:
            again, again_record = prepare_case(RawCase("a", "a", {"image": image}, organ, vessels), settings)
            assert {name: array.tobytes() for name, array in again.items()} == {
                name: array.tobytes() for name, array in arrays.items()
            }
            assert again_record["spacing_mm"] == record["spacing_mm"]
            assert again_record["orientation"] == "LPS"
            assert again_record["scales"] == record["scales"]
            assert again_record["ceiling"] == record["ceiling"]
            continue
        grid = plan_grid(image, organ, settings.grid)
        assert grid.image_to_prepared(image.array).shape == arrays["scales"].shape
        inside = grid.mask_to_prepared(vessels.array) & grid.mask_to_prepared(organ.array)
        assert inside.tobytes() == (arrays["scales"] > 0).tobytes()


def test_what_goes_back_has_the_files_own_layout():
    image, organ, vessels = patient(TILTED)
    settings = GridSettings(size=(12, 48, 30), margin_mm=3)
    expected = None
    for order, (stored_image, stored_organ, stored_vessels) in all_stored(image, organ, vessels):
        grid = plan_grid(stored_image, stored_organ, settings)
        assert Grid.from_dict(grid.to_dict()) == grid
        back = grid.to_native(grid.mask_to_prepared(stored_vessels.array))
        assert back.shape == stored_image.shape
        expected = back if expected is None else expected
        np.testing.assert_array_equal(back, restored(expected, order))
    assert expected is not None
    inside = (vessels.array & organ.array).astype(bool)
    assert ((expected >= 0.5) & inside).sum() / inside.sum() > 0.5


def test_a_setting_means_the_patients_axes_and_a_margin_stays_at_its_end():
    # Stored sagittally and upside down: left, then feet, then back.
    array = np.zeros((30, 20, 40), bool)
    array[2:5, 6:8, 10:39] = True
    sagittal = Volume(array, (1.0, 2.0, 0.5), direction=((0.0, -1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)))
    grid = plan_grid(sagittal, sagittal, GridSettings(margin_mm=4.0))
    assert (grid.axes, grid.backwards) == ((1, 2, 0), (False, True, False))
    # z: 20 slices backwards, 6 … 7 become 12 … 13; the margin is cut at the back (x: at the right).
    assert (grid.crop_start, grid.crop_stop) == ((10, 2, 0), (16, 40, 9))
    assert grid.spacing_mm == (2.0, 0.5, 1.0)
    assert plan_grid(sagittal, sagittal, GridSettings(spacing_mm=(4.0, 0.5, 1.0))).shape[0] == 4


def test_the_last_digits_of_a_header_decide_on_no_voxel():
    array = np.zeros((35, 21, 10), np.float32)
    double = Volume(array, (0.7, 0.1, 1.0))
    single = Volume(array, tuple(float(np.float32(value)) for value in (0.7, 0.1, 1.0)))
    settings = GridSettings(crop="volume", spacing_mm=(1.4, 0.2, 1.0))
    assert plan_grid(double, None, settings).shape == plan_grid(single, None, settings).shape
    organ = np.zeros(array.shape, bool)
    organ[17, 10, 5] = True
    around = GridSettings(margin_mm=0.7)
    boxes = [plan_grid(image, dataclasses.replace(image, array=organ), around) for image in (double, single)]
    assert boxes[0].crop_start == boxes[1].crop_start
    assert boxes[0].crop_stop == boxes[1].crop_stop


def test_stored_order_is_undone_by_its_geometry():
    image, *_ = patient(TILTED)
    corners = np.sort(image.corners_mm(), axis=0)
    for order in ORDERS[::5]:
        np.testing.assert_allclose(np.sort(stored(image, order).corners_mm(), axis=0), corners, atol=1e-9)
