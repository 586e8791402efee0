"""Means over classes are compared only where they are over the same classes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ramify.comparison.comparison import compare
from ramify.comparison.remarks import remarks_on
from ramify.comparison.results import RunResults, Variant, check_same_classes


def variant(name: str, classes: Mapping[str, list[int]] | None) -> Variant:
    settings: dict[str, Any] = {} if classes is None else {"classes": classes}
    rows = {case: {"dice": 0.5, "any_vessel.dice": 0.6} for case in ("a", "b")}
    return Variant(name, (RunResults(rows, source=f"{name}.json", report={"settings": settings}),))


TREES = {"portal": [1], "hepatic": [2]}


@pytest.mark.parametrize(
    ("other", "over"),
    [({"any_vessel": [1]}, "over any_vessel"), ({}, "of all vessels"), ({"portal": [1]}, "over portal")],
)
def test_means_over_other_classes(other, over):
    pair = [variant("both", TREES), variant("one", other)]
    with pytest.raises(ValueError, match=rf"one.json: dice is {over}, but over portal, hepatic in both.json;"):
        compare(pair, ["dice"])
    assert compare(pair, ["any_vessel.dice"]).measures == ["any_vessel.dice"]


@pytest.mark.parametrize("other", [None, {"1": [1], "2": [2]}, {"portal": [40], "hepatic": [15]}])
def test_the_same_classes_by_name_or_by_label_or_of_results_that_do_not_say(other):
    check_same_classes([variant("both", TREES), variant("one", other)], ["dice"])


def test_empty_masks_are_told_of_the_classes_that_are_compared():
    flags = {"empty_prediction": frozenset("a"), "any_vessel.empty_prediction": frozenset("b")}
    pair = [Variant(its.name, (replace(its.runs[0], flags=flags),)) for its in (variant("x", None), variant("y", None))]
    for measure, said in (("dice", "x, y: empty_prediction in 1 case"), ("any_vessel.dice", "x, y: any_vessel.empty_")):
        (line,) = [line for line in remarks_on(compare(pair, [measure])) if "empty_prediction" in line]
        assert line.startswith(said)
