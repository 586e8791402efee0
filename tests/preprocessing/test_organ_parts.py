"""Specks of an organ mask widen no box; an organ of two parts keeps both."""

import dataclasses

import numpy as np
import pytest

from ramify.data.volume import Volume
from ramify.preprocessing.organ_parts import main_parts
from ramify.preprocessing.prepare import prepare_case
from ramify.preprocessing.settings import GridSettings, PreprocessingSettings
from tests.preprocessing.drawn_cases import bars_in_a_box
from tests.storage_orders import all_stored, restored

SPACING_MM = (2.0, 1.0, 1.0)


def organ_of(*boxes, shape=(12, 30, 30), spacing_mm=SPACING_MM):
    mask = np.zeros(shape, bool)
    for box in boxes:
        mask[tuple(slice(*side) for side in box)] = True
    return Volume(mask, spacing_mm)


LIVER = ((2, 10), (2, 20), (2, 20))  # 8 x 18 x 18 = 2592 voxels


def test_specks_are_left_out_and_told():
    organ = organ_of(LIVER, ((0, 1), (28, 29), (28, 29)), ((11, 12), (25, 30), (0, 5)))
    kept = main_parts(organ, 0.05)
    np.testing.assert_array_equal(kept.array, organ_of(LIVER).array)
    assert kept.spacing_mm == organ.spacing_mm
    (note,) = kept.notes
    assert "2 components of the organ mask (26 voxels, 0.052 ml, the largest 0.05 ml)" in note
    assert "beside the 5.18 ml that were kept; preparation with --preprocessing.least-organ-part 0 keeps all" in note


@pytest.mark.parametrize(
    ("organ", "share"),
    [
        (organ_of(((1, 11), (1, 10), (1, 10)), ((1, 11), (1, 10), (18, 29))), 0.05),  # two kidneys
        (organ_of(((1, 11), (1, 10), (1, 10)), ((4, 8), (20, 24), (20, 24))), 0.05),  # one of them shrunken, 8 %
        (organ_of(LIVER, ((10, 12), (20, 25), (20, 25))), 0.05),  # touching by an edge alone
        (organ_of(LIVER, ((0, 1), (28, 29), (28, 29))), 0.0),
        (organ_of(), 0.05),
    ],
    ids=["two parts", "one small part", "edges connect", "all are kept", "empty"],
)
def test_what_is_no_speck_stays_without_a_word(organ, share):
    kept = main_parts(organ, share)
    assert kept.array is organ.array
    assert kept.notes == ()


def test_a_speck_in_2d():
    organ = Volume(organ_of(LIVER).array[5].copy(), (1.0, 1.0))
    organ.array[28, 28] = True
    kept = main_parts(organ, 0.05)
    assert kept.array.sum() == 18 * 18
    assert "1 component of the organ mask (1 voxel, 1 square mm" in kept.notes[0]


def test_the_same_parts_in_every_storage_order():
    organ = organ_of(LIVER, ((11, 12), (25, 30), (0, 5)), ((0, 1), (22, 30), (22, 30)))
    expected = main_parts(organ, 0.02)
    for order, (stored,) in all_stored(organ):
        found = main_parts(stored, 0.02)
        np.testing.assert_array_equal(found.array, restored(expected.array, order))
        assert found.notes == expected.notes


def test_a_stray_voxel_changes_no_prepared_array():
    raw = bars_in_a_box()
    settings = PreprocessingSettings(grid=GridSettings(size=(16, 32, 32), margin_mm=0))
    arrays, record = prepare_case(raw, settings)
    speck = raw.organ.array.copy()
    speck[23, 39, 43] = True
    again, noted = prepare_case(dataclasses.replace(raw, organ=raw.organ.with_array(speck)), settings)
    assert {name: array.tobytes() for name, array in again.items()} == {
        name: array.tobytes() for name, array in arrays.items()
    }
    assert noted["spacing_mm"] == record["spacing_mm"]
    assert [note for note in noted["notes"] if "left out as specks" in note]
    assert noted["native_voxels"]["organ"] == record["native_voxels"]["organ"] + 1
