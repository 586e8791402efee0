import warnings

import numpy as np
import pytest
from hypothesis import given

from metrics.masks import Mask
from metrics.overlap import count_overlap, dice, jaccard, precision, sensitivity
from tests.metrics.drawn_masks import drawn, mask_pairs, moved, random_mask

TARGET = drawn("""
    ####
    ....
    ....
""")
PREDICTION = drawn("""
    .###
    ..##
    .#..
""")
EMPTY = np.zeros((3, 4), dtype=bool)


def test_values_counted_by_hand():
    # 3 shared, 6 predicted, 4 true, 7 in either.
    assert count_overlap(PREDICTION, TARGET) == (3, 6, 4)
    assert dice(PREDICTION, TARGET) == 6 / 10
    assert jaccard(PREDICTION, TARGET) == 3 / 7
    assert sensitivity(PREDICTION, TARGET) == 3 / 4
    assert precision(PREDICTION, TARGET) == 3 / 6


@pytest.mark.parametrize("measure", [dice, jaccard, sensitivity, precision])
def test_empty_masks(measure):
    assert measure(EMPTY, EMPTY) == 1.0
    assert measure(EMPTY, TARGET) == 0.0
    assert measure(TARGET, EMPTY) == 0.0


@pytest.mark.parametrize("measure", [dice, jaccard, sensitivity, precision])
def test_the_same_mask_scores_one_and_a_disjoint_one_nought(measure):
    assert measure(TARGET, TARGET) == 1.0
    assert measure(~TARGET, TARGET) == 0.0


def test_sensitivity_and_precision_are_told_apart():
    whole = np.ones((3, 4), dtype=bool)
    assert sensitivity(whole, TARGET) == 1.0
    assert precision(whole, TARGET) == 4 / 12


@given(mask_pairs())
def test_relations_between_the_measures(pair: tuple[Mask, Mask]):
    d, j = dice(*pair), jaccard(*pair)
    assert j == pytest.approx(d / (2 - d))
    assert dice(*pair[::-1]) == d
    assert sensitivity(*pair) == precision(*pair[::-1])


@given(mask_pairs())
def test_flips_and_axis_swaps_change_nothing(pair: tuple[Mask, Mask]):
    prediction, target = pair
    for other_prediction, other_target in zip(moved(prediction), moved(target), strict=True):
        assert count_overlap(other_prediction, other_target) == count_overlap(prediction, target)


@pytest.mark.parametrize("seed", range(10))
def test_dice_and_jaccard_are_monais(seed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch = pytest.importorskip("torch")
        monai = pytest.importorskip("monai.metrics")
        prediction, target = random_mask(seed, (5, 6, 7), 0.3), random_mask(seed + 100, (5, 6, 7), 0.1 * (seed + 1))
        pair = [torch.from_numpy(mask)[None, None].float() for mask in (prediction, target)]
        their_dice = float(monai.compute_dice(*pair))
        their_jaccard = float(monai.compute_iou(*pair))
    assert dice(prediction, target) == pytest.approx(their_dice, abs=1e-6)
    assert jaccard(prediction, target) == pytest.approx(their_jaccard, abs=1e-6)
