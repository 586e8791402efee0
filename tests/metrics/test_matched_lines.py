"""Lengths that are matched, and branches that are detected."""

import numpy as np
import pytest

from ramify.metrics.graph import score_graph
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.matched_lines import detected_branches, length_shares
from tests.metrics.test_graph import GraphSettings

CUBES = (1.0, 1.0, 1.0)


def tube(half: int, first: int, last: int, row: int = 12) -> np.ndarray:
    """Along the last axis, 2 half + 1 voxels wide."""
    mask = np.zeros((25, 40, 60), dtype=bool)
    mask[12 - half : 13 + half, row - half : row + half + 1, first : last + 1] = True
    return mask


def shares(prediction: np.ndarray, target: np.ndarray, spacing=CUBES) -> tuple[float, float]:
    return length_shares(MaskAnalysis(prediction, spacing), MaskAnalysis(target, spacing))


def test_a_perfect_prediction_has_all():
    target = tube(2, 5, 54)
    assert shares(target, target) == (1.0, 1.0)
    assert detected_branches(MaskAnalysis(target, CUBES), MaskAnalysis(target, CUBES)) == 1.0


def test_half_of_a_vessel():
    precision, recall = shares(tube(2, 5, 29), tube(2, 5, 54))
    assert precision == 1.0
    assert recall == pytest.approx(25 / 50, abs=0.04)


def test_a_false_vessel_lowers_precision_alone():
    precision, recall = shares(tube(2, 5, 54) | tube(2, 5, 29, row=30), tube(2, 5, 54))
    assert precision == pytest.approx(50 / 75, abs=0.03)
    assert recall == 1.0


def test_swapping_the_masks_swaps_the_shares_of_vessels_as_thick():
    one, other = tube(2, 5, 54) | tube(2, 5, 29, row=30), tube(2, 15, 54)
    assert shares(one, other) == pytest.approx(shares(other, one)[::-1], abs=0.02)


def test_a_blob_matches_no_vessel_it_swallows():
    blob = np.zeros((25, 40, 60), dtype=bool)
    blob[2:24, 10:40, 3:57] = True
    assert shares(blob, tube(1, 5, 54)) == pytest.approx((0.0, 0.0), abs=0.02)


def test_within_a_voxel_of_the_coarsest_axis_is_near_enough():
    target = tube(0, 5, 54)
    aside = np.roll(target, 1, axis=0)
    assert shares(aside, target, (4.0, 1.0, 1.0)) == (1.0, 1.0)
    assert shares(np.roll(target, 2, axis=0), target, (4.0, 1.0, 1.0)) == (0.0, 0.0)


@pytest.mark.parametrize(("held", "detected"), [(0.75, 0.0), (0.9, 1.0)])
def test_a_branch_is_detected_from_four_fifths_of_its_centreline_on(held: float, detected: float):
    target = tube(2, 5, 54)
    prediction = tube(2, 5, 4 + round(50 * held))
    assert detected_branches(MaskAnalysis(prediction, CUBES), MaskAnalysis(target, CUBES)) == detected


def test_branches_count_alike_whatever_their_length():
    """A trunk with two side vessels of other lengths: four pieces at two junctions, and the one longer arm lost."""
    trunk = tube(2, 5, 54)
    arms = [trunk.copy() for _ in range(2)]
    arms[0][11:14, 12:38, 18:21] = True
    arms[1][11:14, 12:28, 38:41] = True
    target = MaskAnalysis(arms[0] | arms[1], CUBES)
    assert target.centreline.n_curves == 5
    for arm, length in ((arms[0], 38 - 28), (arms[1], 38 - 38)):
        prediction = MaskAnalysis(arm, CUBES)
        assert detected_branches(prediction, target) == 4 / 5
        assert length_shares(prediction, target)[1] > 0.7 - length / 100


def test_the_measures_of_a_case_are_these():
    prediction, target = (MaskAnalysis(mask, CUBES) for mask in (tube(2, 5, 29), tube(2, 5, 54)))
    scores = score_graph(prediction, target, GraphSettings())
    assert (scores["length_precision"], scores["length_recall"]) == length_shares(prediction, target)
    assert scores["branch_detection_rate"] == detected_branches(prediction, target)


def test_vessels_that_are_points_count_by_their_points():
    target = np.zeros((9, 9), dtype=bool)
    target[2, 2] = target[6, 6] = True
    prediction = target & (np.arange(9) < 4)
    assert shares(prediction, target, (1.0, 1.0)) == (1.0, 0.5)
