import math

import numpy as np
import pytest
from scipy import ndimage

from metrics.case import FLAGS, MEASURES, evaluate_case
from metrics.centreline import centreline_overlap
from metrics.overlap import dice, jaccard
from metrics.surface import hausdorff_distances
from tests.metrics.drawn_masks import drawn, random_mask

SPACING = (2.0, 0.5, 0.5)


def wavy_tube(offset: int = 0) -> np.ndarray:
    mask = np.zeros((12, 24, 30), dtype=bool)
    for x in range(4, 26):
        mask[5 + round(2 * math.sin(x / 4)), 10 + offset, x] = True
    return ndimage.binary_dilation(mask, iterations=2)


def test_a_row_has_every_measure_as_plain_numbers():
    row = evaluate_case(wavy_tube(2), wavy_tube(), SPACING)
    assert tuple(row) == MEASURES + FLAGS
    assert {type(row[measure]) for measure in MEASURES} == {float}
    assert [row[flag] for flag in FLAGS] == [False, False]


def test_cropping_changes_no_value():
    prediction, target = wavy_tube(2), wavy_tube()
    row = evaluate_case(prediction, target, SPACING)
    assert row["dice"] == dice(prediction, target)
    assert row["jaccard"] == jaccard(prediction, target)
    assert (row["cldice"], row["tprec"], row["tsens"]) == centreline_overlap(prediction, target)
    assert (row["hd_mm"], row["hd95_mm"]) == hausdorff_distances(prediction, target, SPACING)


@pytest.mark.parametrize("seed", range(5))
def test_masks_at_the_border_are_cropped_without_harm(seed):
    prediction, target = random_mask(seed, (6, 7, 9), 0.2), random_mask(seed + 50, (6, 7, 9), 0.2)
    prediction[:, :, 5:] = target[:, :, 5:] = False
    row = evaluate_case(prediction, target, SPACING)
    assert (row["hd_mm"], row["hd95_mm"]) == hausdorff_distances(prediction, target, SPACING)


def test_more_background_around_changes_nothing():
    prediction, target = wavy_tube(3), wavy_tube()
    wider = [np.pad(mask, 5) for mask in (prediction, target)]
    assert evaluate_case(*wider, SPACING) == evaluate_case(prediction, target, SPACING)


def test_a_perfect_prediction():
    row = evaluate_case(wavy_tube(), wavy_tube(), SPACING)
    assert [row[measure] for measure in MEASURES] == [1.0] * 7 + [0.0, 0.0]


def test_two_dimensions():
    line = drawn("""
        .......
        .#####.
        .......
        .......
    """)
    row = evaluate_case(np.roll(line, 1, axis=0), line, (0.5, 1.0))
    assert (row["dice"], row["cldice"], row["hd_mm"], row["hd95_mm"]) == (0.0, 0.0, 0.5, 0.5)


def test_both_empty():
    empty = np.zeros((3, 4, 12), dtype=bool)
    row = evaluate_case(empty, empty, (1.0, 1.0, 1.0))
    assert list(row.values()) == [1.0] * 7 + [0.0, 0.0, True, True]


@pytest.mark.parametrize("missing", FLAGS)
def test_one_empty_scores_nought_and_the_diagonal_of_the_whole_volume(missing):
    mask = np.zeros((3, 4, 12), dtype=bool)
    mask[1, 1, 1] = True
    empty = np.zeros_like(mask)
    pair = (empty, mask) if missing == "empty_prediction" else (mask, empty)
    row = evaluate_case(*pair, (2.0, 2.0, 2.0))
    assert [row[measure] for measure in MEASURES] == [0.0] * 7 + [26.0, 26.0]
    assert [flag for flag in FLAGS if row[flag]] == [missing]


def test_a_miss_is_worse_than_the_farthest_find():
    prediction, target = np.zeros((2, 3, 4, 12), dtype=bool)
    prediction[0, 0, 0] = target[-1, -1, -1] = True
    found = evaluate_case(prediction, target, (1.0, 1.0, 1.0))["hd_mm"]
    missed = evaluate_case(np.zeros_like(target), target, (1.0, 1.0, 1.0))["hd_mm"]
    assert found < missed


def test_bad_input_is_refused():
    mask = np.ones((2, 2), dtype=bool)
    with pytest.raises(ValueError, match="expected a boolean array"):
        evaluate_case(mask.astype(np.float32), mask, (1.0, 1.0))
    with pytest.raises(ValueError, match="spacing_mm"):
        evaluate_case(mask, mask, (1.0, 1.0, 1.0))
