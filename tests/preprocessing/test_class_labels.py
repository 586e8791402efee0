"""Classes of vessels: each taken apart as if it were alone, and sharing the prepared grid without gap or overlap."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from ramify.data.raw_case import RawCase
from ramify.data.volume import Volume
from ramify.preprocessing.grid import plan_grid
from ramify.preprocessing.prepare import prepare_case
from ramify.preprocessing.settings import GridSettings, PreprocessingSettings
from ramify.tasks.class_table import IGNORED, ClassTable
from ramify.vessels.scale_settings import ScaleSettings

SPACING_MM = (1.0, 1.0, 1.0)
TREES = ClassTable.model_validate({"classes": {"portal": 1, "hepatic": 2}})
WHOLE = GridSettings(crop="volume")
VESSEL_ARRAYS = ("scales", "skeleton", "tubed_skeleton", "branches")


def case_of(classes: np.ndarray, table: ClassTable = TREES, organ: np.ndarray | None = None) -> RawCase:
    """A case of labels by their class number."""
    image = np.random.default_rng(0).normal(size=classes.shape).astype(np.float32)
    volume = Volume(image, SPACING_MM[-classes.ndim :])
    vessels = volume.with_array(np.isin(classes, table.vessels))
    return RawCase(
        case_id="a",
        patient_id="a",
        images={"image": volume},
        organ=None if organ is None else volume.with_array(organ),
        vessels=vessels,
        classes=None if table.is_single else volume.with_array(classes.astype(np.uint8)),
        table=table,
    )


def settings_of(grid: GridSettings = WHOLE, **scales: Any) -> PreprocessingSettings:
    return PreprocessingSettings(grid=grid, scales=ScaleSettings(**scales), tube_radius=1)


def alone(classes: np.ndarray, number: int, organ: np.ndarray | None = None) -> RawCase:
    """The case of plain vessels that one class would be."""
    return case_of(classes == number, ClassTable(), organ)


def touching(ndim: int = 3) -> np.ndarray:
    """A tube along the last axis, and another one that ends on its side: a T of two classes."""
    shape = (24, 40, 60)[-ndim:]
    classes = np.zeros(shape, np.uint8)
    middle = (slice(10, 14),) * (ndim - 2)
    classes[(*middle, slice(24, 28), slice(6, 54))] = 1
    classes[(*middle, slice(4, 24), slice(28, 32))] = 2
    return classes


def apart(ndim: int = 3) -> np.ndarray:
    """Trees of two classes, each with a junction, and vessels of other calibres."""
    shape = (24, 64, 72)[-ndim:]
    classes = np.zeros(shape, np.uint8)
    middle, thin = (slice(10, 14),) * (ndim - 2), (slice(11, 12),) * (ndim - 2)
    classes[(*middle, slice(24, 29), slice(6, 66))] = 1
    classes[(*thin, slice(6, 24), slice(30, 32))] = 1
    classes[(*thin, slice(10, 12), slice(32, 60))] = 1
    classes[(*middle, slice(40, 48), slice(6, 66))] = 2
    classes[(*middle, slice(48, 60), slice(36, 39))] = 2
    return classes


@pytest.mark.parametrize("ndim", [2, 3])
def test_touching_trees_have_no_junction_of_two_classes(ndim):
    classes = touching(ndim)
    _, as_one = prepare_case(case_of(classes > 0, ClassTable()), settings_of())
    assert sum(as_one["scales"]["branches"]) == 3
    arrays, record = prepare_case(case_of(classes), settings_of())
    assert sum(record["scales"]["branches"]) == 2
    assert [sum(its["branches"]) for its in record["scales"]["classes"]] == [1, 1]
    np.testing.assert_array_equal(arrays["branches"], classes)
    np.testing.assert_array_equal(arrays["classes"], classes)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("spacing", [None, 1.4, 0.7])
@pytest.mark.parametrize("make", [apart, touching])
def test_each_class_is_prepared_as_if_it_were_alone(ndim, spacing, make):
    classes = make(ndim)
    organ = np.zeros(classes.shape, bool)
    organ[..., 3:, 10:50] = True
    grid = GridSettings(margin_mm=2, spacing_mm=None if spacing is None else (spacing,) * ndim)
    settings = settings_of(grid, shared_thresholds=False)
    arrays, record = prepare_case(case_of(classes, organ=organ), settings)
    branches = 0
    for number in (1, 2):
        expected, its = prepare_case(alone(classes, number, organ), settings)
        # Where a voxel is interpolated from both, one class has it: there the other, or neither, would end.
        here, there = arrays["classes"] == number, expected["scales"] > 0
        if make is apart or spacing is None:
            np.testing.assert_array_equal(here, there)
        both = here & there
        assert both.sum() > 0.9 * max(here.sum(), there.sum())
        for name in VESSEL_ARRAYS:
            found = arrays[name].astype(np.int64) - (branches if name == "branches" else 0)
            if make is apart or spacing is None or name == "scales":
                np.testing.assert_array_equal(found[both], expected[name][both], err_msg=name)
        described = record["scales"]["classes"][number - 1]
        assert described["thresholds_mm"] == its["scales"]["thresholds_mm"]
        assert described["native_branches"] == its["scales"]["native_branches"]
        assert record["ceilings"][("portal", "hepatic")[number - 1]] == its["ceiling"] or make is touching
        branches += len(its["scales"]["radii_mm"])
    assert len(record["scales"]["radii_mm"]) == branches
    assert record["scales"]["shared_thresholds"] is False
    assert record["scales"]["thresholds_mm"] == []


def test_thresholds_are_shared_over_the_branches_of_all_classes():
    classes = np.zeros((20, 40, 60), np.uint8)
    classes[4:6, 4:6, 5:55] = classes[4:6, 12:14, 5:55] = 1
    classes[4:12, 20:28, 5:55] = classes[4:8, 32:36, 5:55] = 2
    shared, record = prepare_case(case_of(classes), settings_of(quantiles=(0.5,)))
    own, own_record = prepare_case(case_of(classes), settings_of(quantiles=(0.5,), shared_thresholds=False))
    # All vessels of the thin tree are small beside those of the thick one.
    assert set(np.unique(shared["scales"][classes == 1])) == {1}
    assert set(np.unique(shared["scales"][classes == 2])) == {2}
    assert set(np.unique(own["scales"][classes == 2])) == {1, 2}
    (threshold,) = record["scales"]["thresholds_mm"]
    thin, thick = (its["thresholds_mm"] for its in own_record["scales"]["classes"])
    assert thin[0] <= threshold < thick[0]
    assert all(its["thresholds_mm"] == [threshold] for its in record["scales"]["classes"])
    for name in ("skeleton", "tubed_skeleton", "branches", "classes"):
        np.testing.assert_array_equal(shared[name], own[name])


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.9, 1.3, 1.6), (0.6, 0.8, 0.7), (3.0, 2.0, 2.5)])
def test_classes_share_the_prepared_grid_without_gap_or_overlap(spacing):
    random = np.random.default_rng(1)
    classes = np.zeros((24, 40, 60), np.uint8)
    for number in (1, 2, 3):
        for _ in range(6):
            start = random.integers(2, [16, 30, 40])
            size = random.integers(2, [8, 10, 20])
            classes[tuple(slice(at, at + n) for at, n in zip(start, size, strict=True))] = number
    table = ClassTable.model_validate({"classes": {"a": 1, "b": 2, "tumour": {"values": 3, "role": "context"}}})
    arrays, record = prepare_case(case_of(classes, table), settings_of(GridSettings(crop="volume", spacing_mm=spacing)))
    grid = plan_grid(case_of(classes, table).image, None, GridSettings(crop="volume", spacing_mm=spacing))
    np.testing.assert_array_equal(arrays["classes"] > 0, grid.mask_to_prepared(classes > 0))
    # Vessels have a scale and a branch, each of its own class; context has none.
    np.testing.assert_array_equal(arrays["scales"] > 0, np.isin(arrays["classes"], (1, 2)))
    np.testing.assert_array_equal(arrays["branches"] > 0, arrays["scales"] > 0)
    for branch in range(1, len(record["scales"]["radii_mm"]) + 1):
        assert len(np.unique(arrays["classes"][arrays["branches"] == branch])) == 1
    counts = np.bincount(arrays["classes"].ravel(), minlength=4)
    assert [its["voxels"] for its in record["class_voxels"]] == counts[1:4].tolist()
    # Each keeps its share of the volume.
    before, after = np.bincount(classes.ravel())[1:] / (classes > 0).sum(), counts[1:4] / counts[1:4].sum()
    np.testing.assert_allclose(after, before, atol=0.08)


def test_a_thin_class_beside_a_thick_one_is_not_lost():
    classes = np.zeros((24, 24, 48), np.uint8)
    classes[6:18, 6:12] = 1
    classes[6:18, 12] = 2
    grid = GridSettings(crop="volume", spacing_mm=(1.5, 1.5, 1.5))
    arrays, _ = prepare_case(case_of(classes), settings_of(grid))
    # Of the 1.5 planes that it would fill, one is its own.
    assert (arrays["classes"] == 2).any()
    assert (arrays["scales"] > 0)[arrays["classes"] == 2].all()


def test_what_nobody_labelled_is_in_no_label():
    classes = touching()
    classes[:, :, 40:] = IGNORED
    table = ClassTable.model_validate({"classes": {"portal": 1, "hepatic": 2}, "ignore": 9})
    organ = np.ones(classes.shape, bool)
    organ[:, :, :10] = False
    arrays, record = prepare_case(case_of(classes, table, organ), settings_of())
    ignored = arrays["classes"] == IGNORED
    np.testing.assert_array_equal(ignored, classes == IGNORED)
    for name in VESSEL_ARRAYS:
        assert not arrays[name][ignored].any(), name
    # Outside the organ vessels are cut off, and what nobody labelled stays what it is.
    assert not arrays["classes"][:, :, :10].any()
    assert record["ignored_voxels"]["voxels"] == ignored.sum()
    organ[:, :, 50:] = False
    outside, _ = prepare_case(case_of(classes, table, organ), settings_of())
    assert (outside["classes"][:, :, 50:] == IGNORED).all()


def test_one_class_with_voxels_that_nobody_labelled_is_that_class_elsewhere():
    classes = (apart() == 1).astype(np.uint8)
    table = ClassTable.model_validate({"classes": {"portal": 1}, "ignore": 9})
    expected, single = prepare_case(alone(classes, 1), settings_of())
    arrays, record = prepare_case(case_of(classes, table), settings_of())
    for name in VESSEL_ARRAYS:
        np.testing.assert_array_equal(arrays[name], expected[name])
    assert record["scales"]["thresholds_mm"] == single["scales"]["thresholds_mm"]
    assert record["ceiling"] == single["ceiling"]


def test_a_class_that_a_case_lacks_is_no_error():
    classes = apart()
    classes[classes == 2] = 0
    arrays, record = prepare_case(case_of(classes), settings_of())
    expected, single = prepare_case(alone(classes, 1), settings_of())
    np.testing.assert_array_equal(arrays["scales"], expected["scales"])
    assert "no voxel of class hepatic" in record["notes"]
    assert record["warnings"] == single["warnings"]
    assert record["scales"]["classes"][1]["voxels"] == [0, 0, 0]
    assert list(record["ceilings"]) == ["portal"]
    none, record = prepare_case(case_of(np.zeros_like(classes)), settings_of())
    assert not none["classes"].any()
    assert record["ceiling"] is None
    assert [its["voxels"] for its in record["class_voxels"]] == [0, 0]


def test_a_class_outside_the_organ_and_one_that_the_grid_loses_are_told():
    classes = np.zeros((24, 40, 60), np.uint8)
    classes[8:16, 8:16, 5:55] = 1
    classes[9, 30, 20] = 2
    organ = np.zeros(classes.shape, bool)
    organ[:, :20] = True
    arrays, record = prepare_case(case_of(classes, organ=organ), settings_of())
    assert not (arrays["classes"] == 2).any()
    assert record["class_voxels"][1] == {
        "name": "hepatic",
        "native_voxels": 1,
        "native_voxels_inside": 0,
        "voxels": 0,
    }
    grid = GridSettings(crop="volume", spacing_mm=(4.0, 4.0, 4.0))
    arrays, record = prepare_case(case_of(classes), settings_of(grid))
    assert "class hepatic: none of its 1 voxels is left on the prepared grid" in record["warnings"]
    classes[classes == 1] = 0
    with pytest.raises(ValueError, match=r"case a: none of its 1 vessel voxels is left on the prepared grid"):
        prepare_case(case_of(classes), settings_of(grid))


def test_the_record_has_the_table():
    _, record = prepare_case(case_of(touching()), settings_of())
    assert ClassTable.model_validate(record["classes"]) == TREES
    arrays, record = prepare_case(alone(touching(), 1), settings_of())
    assert "classes" not in arrays
    assert "class_voxels" not in record
    assert ClassTable.model_validate(record["classes"]).is_single


def test_the_same_case_is_the_same_bytes():
    raw = case_of(apart())
    first, second = (prepare_case(dataclasses.replace(raw), settings_of()) for _ in range(2))
    assert first[1] == second[1]
    for name, array in first[0].items():
        np.testing.assert_array_equal(array, second[0][name])
