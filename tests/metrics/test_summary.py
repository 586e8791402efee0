import math

import numpy as np
import pytest

from ramify.metrics.case import evaluate_case
from ramify.metrics.families import measures_of
from ramify.metrics.settings import EvaluationSettings
from ramify.metrics.summary import count_misses, describe_values, summarise


def test_statistics_by_hand():
    assert describe_values([1.0, 2.0, 6.0]) == {
        "mean": 3.0,
        "sd": pytest.approx(math.sqrt((4 + 1 + 9) / 2)),
        "median": 2.0,
        "min": 1.0,
        "max": 6.0,
        "n": 3,
    }


def test_one_value_has_no_deviation_and_none_has_nothing():
    assert describe_values([0.5]) == {
        "mean": 0.5,
        "sd": None,
        "median": 0.5,
        "min": 0.5,
        "max": 0.5,
        "n": 1,
    }
    nothing = describe_values([])
    assert nothing.pop("n") == 0
    assert set(nothing.values()) == {None}


def test_a_miss_lowers_the_mean_and_is_counted():
    found, empty = np.zeros((2, 3, 4, 12), dtype=bool)
    found[1, 1, 1:9] = True
    spacing = (1.0, 1.0, 1.0)
    cases = {
        "found": evaluate_case(found, found, spacing),
        "missed": evaluate_case(empty, found, spacing),
        "invented": evaluate_case(found, empty, spacing),
        "nothing": evaluate_case(empty, empty, spacing),
    }
    names = [measure.name for measure in measures_of(EvaluationSettings())]
    summary = summarise(cases, names)
    assert list(summary) == names
    assert summary["dice"]["mean"] == pytest.approx(1 / 3)
    assert summary["hd_mm"]["mean"] == pytest.approx(26 / 3)
    counts = {"cases": 4, "counted": 3, "missed": 1, "invented": 1, "both_empty": 1, "failed": 2}
    assert count_misses(cases, failed=2) == counts
    assert count_misses(cases, 2, "perfect") == {**counts, "counted": 4}


def test_what_a_case_does_not_define_is_counted_out():
    cases = {"a": {"odd": 1.0}, "b": {"odd": None}, "c": {"odd": 4.0}}
    summary = summarise(cases, ["odd"])
    assert (summary["odd"]["mean"], summary["odd"]["n"]) == (2.5, 2)
