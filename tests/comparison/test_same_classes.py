"""Means over classes are compared only where they are over the same classes."""

from collections.abc import Mapping
from typing import Any

import pytest

from ramify.comparison.comparison import compare
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
