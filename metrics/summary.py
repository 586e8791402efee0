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
