"""Vessels taken apart whole, brought onto the prepared grid, and cut there."""

import dataclasses

import numpy as np
import pytest

from ramify.data.volume import Volume
from ramify.preprocessing.drawn_vessels import analyse_drawn
from ramify.preprocessing.grid import Grid, plan_grid
from ramify.preprocessing.prepare import prepare_case
from ramify.preprocessing.settings import GridSettings, PreprocessingSettings
from ramify.preprocessing.vessel_labels import VesselLabels, label_vessels
from ramify.vessels.scale_settings import ScaleSettings
from ramify.vessels.scales import decompose_scales
from tests.preprocessing.drawn_cases import bars_in_a_box

SPACING_MM = (1.6, 0.8, 0.8)
GRIDS = {
    "native": GridSettings(margin_mm=0),
    "finer": GridSettings(margin_mm=0, spacing_mm=(1.0, 0.7, 0.6)),
    "coarser": GridSettings(margin_mm=4, spacing_mm=(1.7, 1.0, 0.9)),
    "stretched": GridSettings(margin_mm=0, size=(40, 40, 60)),
}


def passed_by(ndim=3):
    """An organ with a tree of three calibres in it, and a wide vessel along its border that reaches in by its wall.

    Returns the vessels, the organ, and the part of the wide vessel that lies in the organ.
    """
    shape = (40, 64, 72)[-ndim:]
    grid = np.meshgrid(*(np.arange(n) * s for n, s in zip(shape, SPACING_MM[-ndim:])), indexing="ij")
    y, x = grid[-2], grid[-1]
    z = grid[0] if ndim == 3 else np.full(shape, 32.0)
    organ = (x > 14) & (x < 54) & (y > 6) & (y < 46)
    # Runs along z past the organ (2D: along y); its wall is in the organ, its middle is not.
    wide = (x - 8) ** 2 + ((y - 24) ** 2 if ndim == 3 else 0) <= 7.5**2
    across = abs(z - 32)
    large = (np.hypot(across, y - 36) <= 3.2) & (x > 18) & (x < 50)
    medium = [(np.hypot(across, y - at) <= 1.9) & (x > 20) & (x < 50) for at in (18, 26)]
    small = [(np.hypot(across, y - at) <= 1.0) & (x > 30) & (x < 50) for at in (9, 13)]
    inside = np.logical_or.reduce([large, *medium, *small]) & organ
    return inside | wide, organ, wide & organ


def labelled(vessels, organ, settings, cut=True) -> tuple[VesselLabels, Grid]:
    """The labels of vessels, and the grid that they are on: the organ's, whether they are cut to it or not."""
    image, scales = Volume(vessels, SPACING_MM[-vessels.ndim :]), ScaleSettings()
    grid = plan_grid(image, image.with_array(organ), settings)
    prepared_organ = grid.mask_to_prepared(organ)
    native, prepared = (organ, prepared_organ) if cut else (None, None)
    drawn = analyse_drawn(vessels, native, grid, scales)
    return label_vessels(vessels, drawn, prepared, grid, scales, tube_radius=1), grid


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("settings", GRIDS.values(), ids=GRIDS.keys())
def test_the_wall_of_a_vessel_that_passes_by_is_as_wide_as_the_vessel(settings, ndim):
    vessels, organ, wall = passed_by(ndim)
    if settings.spacing_mm or settings.size:
        settings = settings.model_copy(
            update={name: value[-ndim:] for name in ("spacing_mm", "size") if (value := getattr(settings, name))}
        )
    labels, grid = labelled(vessels, organ, settings)
    its_wall = grid.mask_to_prepared(wall) & labels.mask
    assert its_wall.any()
    assert set(np.unique(labels.scale_map[its_wall])) == {3}
    # Cut first, it is a thin vessel: what this test can fail on.
    assert decompose_scales(vessels & organ, SPACING_MM[-ndim:]).scale_map[wall].min() < 3
    # It has no centreline in the organ.
    assert not (labels.skeleton & its_wall).any()
    assert labels.skeleton.any()
    assert not (labels.tubed_skeleton & ~labels.mask).any()


@pytest.mark.parametrize("settings", GRIDS.values(), ids=GRIDS.keys())
def test_labels_are_those_of_an_evaluation(settings):
    vessels, organ, _ = passed_by()
    labels, grid = labelled(vessels, organ, settings)
    truth = decompose_scales(vessels, SPACING_MM, region=organ).scale_map
    # Each prepared voxel has the scale of a vessel voxel that is no farther away than one voxel along any axis.
    factor = [(stop - start) / new for start, stop, new in zip(grid.crop_start, grid.crop_stop, grid.shape)]
    for index in np.argwhere(labels.mask):
        place = grid.crop_start + (index + 0.5) * factor - 0.5
        near = tuple(slice(max(0, int(np.floor(at))), int(np.ceil(at)) + 1) for at in place)
        assert labels.scale_map[tuple(index)] in truth[near]


def test_numbers_radii_and_scales_of_branches_belong_together():
    vessels, organ, _ = passed_by()
    labels, _ = labelled(vessels, organ, GRIDS["coarser"])
    told = labels.description
    numbers = np.unique(labels.branches[labels.mask])
    np.testing.assert_array_equal(numbers, np.arange(1, len(told["radii_mm"]) + 1))
    np.testing.assert_array_equal(labels.branches > 0, labels.mask)
    np.testing.assert_array_equal(labels.scale_map > 0, labels.mask)
    radius = np.append(0, told["radii_mm"])[labels.branches[labels.mask]]
    low, high = told["thresholds_mm"]
    np.testing.assert_array_equal(labels.scale_map[labels.mask], 1 + (radius > low) + (radius > high))
    scale_of = [labels.scale_map[labels.branches == number].max() for number in numbers]
    assert told["branches"] == np.bincount(scale_of, minlength=4)[1:].tolist()
    assert told["voxels"] == [np.count_nonzero(labels.scale_map == scale) for scale in (1, 2, 3)]
    assert sum(told["native_voxels"]) == np.count_nonzero(vessels & organ)


def test_branches_that_vanish_on_a_coarse_grid_have_no_number_and_are_counted():
    raw = bars_in_a_box()
    settings = PreprocessingSettings(grid=GridSettings(spacing_mm=(4.0, 5.0, 5.0)))
    arrays, record = prepare_case(raw, settings)
    told = record["scales"]
    assert told["native_branches"] == [1, 1, 1]
    assert told["branches"] == [0, 0, 1]
    assert told["native_voxels"] == [30, 90, 540]
    assert told["voxels"] == [0, 0, np.count_nonzero(arrays["scales"])]
    assert np.unique(arrays["branches"]).tolist() == [0, 1]
    assert len(told["radii_mm"]) == 1
    assert len(told["thresholds_mm"]) == 2
    assert told["notes"][-3:] == [
        "scale 1 has no voxel on the prepared grid",
        "scale 2 has no voxel on the prepared grid",
        "2 of 3 branches have no voxel on the prepared grid",
    ]


def test_without_a_cut_vessels_outside_count():
    raw = bars_in_a_box()
    kept = PreprocessingSettings(grid=GridSettings(crop="volume"), restrict_to_organ=False)
    arrays, record = prepare_case(raw, kept)
    whole = decompose_scales(raw.vessels.array, raw.vessels.spacing_mm)
    np.testing.assert_array_equal(arrays["scales"], whole.scale_map)
    assert record["scales"]["thresholds_mm"] == list(whole.thresholds_mm)
    assert sum(record["scales"]["native_voxels"]) == np.count_nonzero(raw.vessels.array)


def test_a_crop_that_cuts_a_vessel_changes_none_of_its_labels():
    # Cropped to the organ, and not cut to it: the wide vessel ends at the border of the grid.
    vessels, organ, wall = passed_by()
    labels, grid = labelled(vessels, organ, GRIDS["native"], cut=False)
    whole = decompose_scales(vessels, SPACING_MM)
    np.testing.assert_array_equal(labels.scale_map, whole.scale_map[grid.crop_box])
    assert not (labels.skeleton & wall[grid.crop_box]).any()


def test_a_case_without_a_vessel_has_no_label():
    raw = bars_in_a_box()
    raw = dataclasses.replace(raw, vessels=raw.image.with_array(np.zeros(raw.image.shape, bool)), structures={})
    _, record = prepare_case(raw, PreprocessingSettings())
    told = record["scales"]
    assert told["native_voxels"] == told["native_branches"] == told["voxels"] == told["branches"] == [0, 0, 0]
    assert told["notes"] == ["no vessel: no scale has a branch"]
    assert record["ceiling"] is None
    assert Grid.from_dict(record["grid"]).shape == tuple(record["shape"])
