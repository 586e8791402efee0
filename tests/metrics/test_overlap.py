import warnings

import numpy as np
import pytest
from hypothesis import given

from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.masks import Mask
from ramify.metrics.overlap import (
    OVERLAP_MEASURES,
    accuracy,
    count_overlap,
    dice,
    false_negative_rate,
    false_positive_rate,
    jaccard,
    precision,
    score_overlap,
    sensitivity,
)
from ramify.metrics.pair import analyse_prediction, analyse_target
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
    # 3 shared, 6 predicted, 4 true, 7 in either, 12 in all.
    assert count_overlap(PREDICTION, TARGET) == (3, 6, 4, 12)
    assert dice(PREDICTION, TARGET) == 6 / 10
    assert jaccard(PREDICTION, TARGET) == 3 / 7
    assert sensitivity(PREDICTION, TARGET) == 3 / 4
    assert precision(PREDICTION, TARGET) == 3 / 6
    assert accuracy(PREDICTION, TARGET) == (3 + 5) / 12
    assert false_negative_rate(PREDICTION, TARGET) == 1 / 4
    assert false_positive_rate(PREDICTION, TARGET) == 3 / 8


@pytest.mark.parametrize("measure", [dice, jaccard, sensitivity, precision])
def test_empty_masks(measure):
    assert measure(EMPTY, EMPTY) == 1.0
    assert measure(EMPTY, TARGET) == 0.0
    assert measure(TARGET, EMPTY) == 0.0


def test_rates_of_empty_and_full_masks():
    assert [false_negative_rate(EMPTY, mask) for mask in (EMPTY, TARGET)] == [0.0, 1.0]
    # The truth is empty and the prediction is not: nothing of it was found, as sensitivity says.
    assert false_negative_rate(TARGET, EMPTY) == 1.0
    assert [false_positive_rate(mask, EMPTY) for mask in (EMPTY, TARGET)] == [0.0, 4 / 12]
    assert [accuracy(mask, EMPTY) for mask in (EMPTY, TARGET)] == [1.0, 8 / 12]
    # No background, no false positive.
    assert false_positive_rate(~EMPTY, ~EMPTY) == 0.0


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


@given(mask_pairs())
def test_analyses_are_scored_as_masks_are(pair: tuple[Mask, Mask]):
    analyses = [MaskAnalysis(mask, (1.0,) * mask.ndim) for mask in pair]
    counts = count_overlap(*pair)
    scores = score_overlap(*analyses)
    assert scores == {measure.name: getattr(counts, measure.name) for measure in OVERLAP_MEASURES}
    assert counts.fnr == pytest.approx(1 - counts.sensitivity)


def test_only_the_region_counts_as_background():
    region = (PREDICTION | TARGET).copy()
    region.flat[np.flatnonzero(~region)[:3]] = True
    target = analyse_target(TARGET, (1.0, 1.0), region=region)
    scores = score_overlap(analyse_prediction(PREDICTION, target), target)
    assert (scores["accuracy"], scores["fpr"]) == ((3 + 3) / 10, 3 / 6)


@pytest.mark.parametrize("seed", range(10))
def test_rates_are_monais(seed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch = pytest.importorskip("torch")
        monai = pytest.importorskip("monai.metrics")
        prediction, target = random_mask(seed, (5, 6, 7), 0.3), random_mask(seed + 100, (5, 6, 7), 0.1 * (seed + 1))
        matrix = monai.get_confusion_matrix(
            *(torch.from_numpy(mask)[None, None].float() for mask in (prediction, target)), include_background=True
        )
        theirs = {
            name: float(monai.compute_confusion_matrix_metric(name, matrix))
            for name in ("sensitivity", "precision", "accuracy", "false negative rate", "false positive rate")
        }
    counts = count_overlap(prediction, target)
    assert counts.sensitivity == pytest.approx(theirs["sensitivity"], abs=1e-6)
    assert counts.precision == pytest.approx(theirs["precision"], abs=1e-6)
    assert counts.accuracy == pytest.approx(theirs["accuracy"], abs=1e-6)
    assert counts.fnr == pytest.approx(theirs["false negative rate"], abs=1e-6)
    if not target.all():
        assert counts.fpr == pytest.approx(theirs["false positive rate"], abs=1e-6)


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
