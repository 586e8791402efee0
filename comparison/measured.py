"""Whether what a file says of a case can be a value of that measure: its type, and its range."""

import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

_RANGE = re.compile(r"0 to (\d+(?:\.\d+)?)|0 .*")
FLAGS = ("empty_prediction", "empty_truth")
"""What evaluate.py says of a case besides its measures: true or false."""


class Ranges:
    """The upper ends of measures, as a file of results tells them, or as those of this project are.

    Args:
        told: measure -> what the file says of it; anything at all, since it comes from a file.
    """

    def __init__(self, told: Any) -> None:
        self._told: Mapping[str, Any] = told if isinstance(told, dict) else {}

    def highest(self, measure: str) -> float | None:
        """The most that a measure can be, inf without a bound; None where nobody knows the measure."""
        described = self._told.get(measure)
        words = described.get("range") if isinstance(described, dict) else None
        if isinstance(words, str) and (found := _RANGE.fullmatch(words)):
            return float(found[1]) if found[1] else math.inf
        return _own_ranges().get(measure)


def measured_value(value: Any, measure: str, ranges: Ranges, name: str) -> float | None:
    """The value of a measure; None where it is undefined, or where this is no measure but a remark.

    Args:
        value: what the file holds.
        measure: its key, without the class it is of.
        ranges: of the file.
        name: file, case and measure, for errors.

    Raises:
        ValueError: no number, NaN, infinite, or out of the measure's range.
    """
    highest = ranges.highest(measure)
    if value is None or (highest is None and not _is_number(value)):
        return None
    bound = math.inf if highest is None else highest
    wanted = "a number" if highest is None else f"a number of 0 {'and up' if math.isinf(bound) else f'to {bound:g}'}"
    remedy = f"expected {wanted}, or null where it is undefined; evaluate again"
    if not _is_number(value):
        raise ValueError(f"{name} is {value!r:.60}; {remedy}")
    number = _as_float(value)
    if not math.isfinite(number):
        # Left out, a missed case would improve the mean.
        raise ValueError(f"{name} is {'NaN' if math.isnan(number) else 'infinite'}; {remedy}")
    if highest is not None and not 0 <= number <= bound:
        raise ValueError(f"{name} is {number:g}; {remedy}")
    return number


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


@cache
def _own_ranges() -> dict[str, float]:
    # Results that say it themselves, as those of evaluate.py do, need none of the measuring code and its imports.
    from ramify.metrics.families import measures_of
    from ramify.metrics.family_settings import EVERY_FAMILY
    from ramify.metrics.settings import EvaluationSettings

    return {measure.name: measure.highest for measure in measures_of(EvaluationSettings(measures=(EVERY_FAMILY,)))}
