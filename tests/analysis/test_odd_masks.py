"""Masks that are no tree: refused, measured as what they are, or told to be something else."""

import numpy as np
import pytest

from ramify.analysis import analyse
from tests.analysis.drawn_trees import forks

UNIT = (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.zeros((5, 5, 5), bool), "expected at least one vessel voxel"),
        (np.full((5, 5, 5), 0.5), "boolean"),
    ],
)
def test_what_is_no_mask_is_refused(mask, said):
    with pytest.raises(ValueError, match=said):
        analyse(mask, UNIT)


def test_one_voxel_is_a_branch_without_length():
    mask = np.zeros((5, 5, 5), bool)
    mask[2, 2, 2] = True
    tree = analyse(mask, UNIT)
    (row,) = tree.branch_rows
    assert (row["length_mm"], row["tortuosity"], row["start_node"], row["end_node"]) == (0, None, 1, 1)
    assert tree.summary["branches"] == 1


@pytest.mark.parametrize("mask", [np.ones((12, 12, 12), bool), np.pad(np.ones((10, 12, 11), bool), 2)])
def test_an_organ_in_place_of_vessels_is_told(mask):
    tree = analyse(mask, UNIT)
    assert any("not an organ's" in note for note in tree.notes)
    assert not any("organ" in note for note in analyse(forks(), UNIT).notes)


def test_specks_are_told_and_measured():
    mask = np.zeros((30, 30, 30), dtype=bool)
    mask[::4, ::4, ::4] = True
    tree = analyse(mask, UNIT)
    assert any("512 of 512 branches are pieces of a voxel or a few" in note for note in tree.notes)
    assert tree.summary["trees"] == tree.summary["ends"] == 512
    row = tree.branch_rows[0]
    radii = [row[f"{name}_mm"] for name in ("radius", "radius_q1", "radius_median", "radius_q3", "start_radius")]
    assert radii == pytest.approx(5 * [row["end_radius_mm"]])
    assert (row["length_mm"], row["taper_mm_per_mm"], row["mean_curvature_per_mm"]) == (0.0, None, None)


@pytest.mark.parametrize("thickness", [1, 4])
def test_a_plane_is_measured_as_what_it_is(thickness):
    mask = np.zeros((10, 24, 26), bool)
    mask[3 : 3 + thickness, 2:-2, 2:-2] = True
    tree = analyse(mask, UNIT)
    assert sum(row["volume_mm3"] for row in tree.branch_rows) == mask.sum()
    assert tree.summary["trees"] == 1
    assert all(np.isfinite(row["radius_mm"]) for row in tree.branch_rows)
