"""The threshold of a precision: by hand, on other patients than those it is tried on, and inside the region."""

import numpy as np
import pytest

from ramify.experiments.operating_point import LEVELS, Predicted, threshold_of, thresholds


def predicted(levels: list[int], truth: list[int], region: list[int] | None = None) -> Predicted:
    """A case of one row."""
    inside = None if region is None else np.array([region], bool)
    return Predicted(np.array([levels], np.uint16), np.array([truth], bool), inside, (1.0, 1.0))


def test_threshold_by_hand():
    vessel, voxels = np.array([0, 1, 2, 4]), np.array([10, 4, 4, 5])  # precisions 7/23, 7/13, 6/9, 4/5
    assert threshold_of(vessel, voxels, 0.3) == 0
    assert threshold_of(vessel, voxels, 0.5) == 1
    assert threshold_of(vessel, voxels, 0.6) == 2
    assert threshold_of(vessel, voxels, 0.8) == 3


def test_a_precision_that_is_never_reached_takes_the_most_precise_level_that_predicts_anything():
    assert threshold_of(np.array([1, 2, 0]), np.array([5, 4, 1]), 0.9) == 1  # 3/10, 2/5, 0/1
    assert threshold_of(np.array([0, 0, 0, 0]), np.array([5, 4, 1, 0]), 0.9) == 2  # nothing to find there


def test_a_threshold_is_chosen_on_other_patients():
    sure = predicted([9, 9, 9, 5], [1, 1, 1, 0])  # precise from level 6 on, just above the false alarm
    unsure = predicted([3, 3, 3, 2], [1, 1, 1, 0])  # precise from level 3 on
    cases = {"a1": sure, "b1": unsure, "a2": sure}
    found = thresholds(cases, {"a1": "a", "a2": "a", "b1": "b"}, 0.9)
    assert found == {"a1": 3, "b1": 6, "a2": 3}


def test_what_lies_outside_the_region_does_not_count():
    # The false alarm at level 9 is outside; inside, all from level 4 on is vessel.
    case = predicted([9, 4, 4, 3], [0, 1, 1, 0], [0, 1, 1, 1])
    assert set(thresholds({"a": case, "b": case}, {}, 0.9).values()) == {4}
    everywhere = case._replace(region=None)
    assert set(thresholds({"a": everywhere, "b": everywhere}, {}, 0.6).values()) == {4}  # two of three


def test_the_highest_level_is_a_level():
    case = predicted([LEVELS - 1, 0], [1, 0])
    assert set(thresholds({"a": case, "b": case}, {}, 0.9).values()) == {1}


def test_one_patient_is_too_few():
    case = predicted([1, 0], [1, 0])
    with pytest.raises(ValueError, match="and here is one; take fewer folds"):
        thresholds({"a": case, "b": case}, {"a": "p", "b": "p"}, 0.9)
