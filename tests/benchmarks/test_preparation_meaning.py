"""What the rows of `benchmarks.preparation_meaning` measure, on shapes whose answer is known, and on real patients."""

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.preparation_meaning import (
    Labels,
    Patient,
    agreement,
    cut_first,
    decomposed_whole,
    read_case_17,
    read_mask_and_liver,
    rows_without,
    share,
    wide_vessels,
)
from ramify.vessels.scales import decompose_scales
from tests.preprocessing.test_vessel_labels import SPACING_MM, passed_by


@pytest.fixture(scope="module")
def patient():
    vessels, organ, _ = passed_by()
    return Patient(vessels, organ, SPACING_MM)


def test_a_wide_vessel_is_where_a_wide_ball_fits(patient):
    _, organ, wall = passed_by()
    wide = wide_vessels(patient, radius_mm=4.0)
    # All of the vessel that passes by, as far as it lies in the organ, but for what no ball reaches at its ends.
    middle = slice(8, 32)
    assert np.array_equal(wide[middle], wall[middle])
    assert not (wide & ~organ).any()


def test_rims_are_small_where_the_cut_came_first_alone(patient):
    wide = wide_vessels(patient, radius_mm=4.0)
    before, after = cut_first(patient), decomposed_whole(patient)
    assert share(wide, after.native.scale_map * patient.liver) == 0
    assert share(patient.grid.mask_to_prepared(wide), after.prepared) == 0
    assert (before.native.scale_map[wide] < 3).any()


def test_small_voxels_are_alike_on_both_grids(patient):
    assert agreement(patient, decomposed_whole(patient)) >= 0.95


def test_agreement_by_hand():
    # One row of ten vessel voxels, on the grid of which each becomes 12.8 voxels of the paper's 128.
    vessels = np.ones((10, 1, 1), bool)
    patient = Patient(vessels, vessels, (1.0, 1.0, 1.0))
    native = np.array([1, 1, 1, 1, 2, 2, 2, 2, 2, 2], np.uint8).reshape(10, 1, 1)
    prepared = np.full(patient.grid.shape, 2, np.uint8)
    prepared[:64] = 1  # the first five
    labels = Labels(dataclasses.replace(decompose_scales(passed_by()[0], SPACING_MM), scale_map=native), prepared)
    assert agreement(patient, labels) == pytest.approx(4 / 5)
    prepared[:12] = 0  # the first is lost there
    assert agreement(patient, labels) == pytest.approx(3 / 4)


# --- real patients -------------------------------------------------------------------------------------------------


@pytest.mark.integration
def test_no_rim_of_the_vena_cava_is_a_small_vessel(real_data):
    if not (real_data / "ircadb").is_dir():
        pytest.skip(f"no 3D-IRCADb case in {real_data}")
    patient = read_case_17(real_data / "ircadb")
    labels, before = decomposed_whole(patient), cut_first(patient)
    wide = wide_vessels(patient, labels.native.thresholds_mm[-1])
    assert share(wide, labels.native.scale_map * patient.liver) <= 0.02
    assert share(patient.grid.mask_to_prepared(wide), labels.prepared) <= 0.02
    assert agreement(patient, labels) >= 0.95
    rims = wide & (before.native.scale_map == 1)
    rows = {row.name.rsplit(maxsplit=1)[1]: row for row in rows_without(rims, patient)}
    # Nothing but pieces of a wall: they are not what a small vessel is missed by.
    assert rows["scale_1_tsens"].after > 0.95 > rows["scale_1_tsens"].before
    assert ndimage.label(rims)[1] > 5


@pytest.mark.integration
@pytest.mark.parametrize("number", [1, 5])
def test_training_and_evaluation_mean_the_same_small_vessels(real_data, number):
    if not (real_data / "ircadb_masks").is_dir():
        pytest.skip(f"no 3D-IRCADb masks in {real_data}")
    patient = read_mask_and_liver(real_data / "ircadb_masks", number)
    assert agreement(patient, decomposed_whole(patient)) >= 0.95
