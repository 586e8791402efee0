"""Many cases in a few numbers, with the misses counted beside them."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

import numpy as np

from ramify.metrics.case import CaseScores

STATISTICS = ("mean", "sd", "median", "min", "max")

Statistics = dict[str, float | int | None]


class Counts(TypedDict):
    """How many cases there are, and how many were scored by the rule for empty masks rather than measured."""

    cases: int
    counted: int
    """those in the means: all, or all but both_empty"""
    missed: int
    """the prediction is empty, the truth is not"""
    invented: int
    """the truth is empty, the prediction is not"""
    both_empty: int
    failed: int
    """could not be evaluated; in no mean"""


def describe_values(values: Sequence[float]) -> Statistics:
    """Mean, sample standard deviation (ddof = 1), median, least and greatest of some values.

    Returns:
        STATISTICS by name; None for what is undefined: all of them without values, the deviation of a single one; and
        `n`, the number of values.

    Examples:
        >>> from ramify.metrics import describe_values
        >>> describe_values([1.0, 2.0, 3.0])
        {'mean': 2.0, 'sd': 1.0, 'median': 2.0, 'min': 1.0, 'max': 3.0, 'n': 3}
    """
    if not values:
        return {**dict.fromkeys(STATISTICS), "n": 0}
    array = np.asarray(values, dtype=np.float64)
    return {
        "mean": float(array.mean()),
        "sd": float(array.std(ddof=1)) if array.size > 1 else None,
        "median": float(np.median(array)),
        "min": float(array.min()),
        "max": float(array.max()),
        "n": array.size,
    }


def summarise(cases: Mapping[str, CaseScores], measures: Sequence[str]) -> dict[str, Statistics]:
    """Statistics of each measure over all evaluated cases that define it, scored misses included.

    Args:
        cases: case id -> the row of `metrics.case.evaluate_case`.
        measures: which keys of the rows to describe.

    Examples:
        >>> from ramify.metrics import summarise
        >>> summarise({"a": {"dice": 0.5}, "b": {"dice": 1.0}}, ["dice"])["dice"]["mean"]
        0.75
    """
    return {
        measure: describe_values([float(value) for row in cases.values() if (value := row[measure]) is not None])
        for measure in measures
    }


def count_misses(
    cases: Mapping[str, CaseScores], failed: int = 0, both_empty: Literal["left_out", "perfect"] = "left_out"
) -> Counts:
    """Count the cases in which a mask was empty, by kind.

    Args:
        cases: case id -> the row of `metrics.case.evaluate_case`.
        failed: number of further cases that could not be evaluated.
        both_empty: the setting they were evaluated with.

    Examples:
        >>> from ramify.metrics import count_misses
        >>> found = {"dice": 0.8, "empty_prediction": False, "empty_truth": False}
        >>> missed = {"dice": 0.0, "empty_prediction": True, "empty_truth": False}
        >>> count_misses({"a": found, "b": missed}, failed=1)
        {'cases': 2, 'counted': 2, 'missed': 1, 'invented': 0, 'both_empty': 0, 'failed': 1}
    """
    kinds = [(bool(row["empty_prediction"]), bool(row["empty_truth"])) for row in cases.values()]
    return Counts(
        cases=len(kinds),
        counted=len(kinds) - (kinds.count((True, True)) if both_empty == "left_out" else 0),
        missed=kinds.count((True, False)),
        invented=kinds.count((False, True)),
        both_empty=kinds.count((True, True)),
        failed=failed,
    )
