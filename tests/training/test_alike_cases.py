"""Cases whose channels or classes stand in other places are not trained together, nor a training gone on with."""

from typing import Any

import pytest

from ramify.data.case_record import CaseRecord
from ramify.data.case_store import Case
from ramify.training.same_cases import check_alike, identity_differences

TREES = {"portal": 1, "hepatic": 2}


def case(case_id: str, channels: tuple[str, ...] = ("image",), **table: Any) -> Case:
    shape = [4, 4]
    arrays: dict[str, Any] = {
        "image": {"dtype": "<f4", "shape": [len(channels), *shape]},
        **{name: {"dtype": "|u1", "shape": shape} for name in ("scales", "classes")},
    }
    record = {
        "format": 4,
        "case_id": case_id,
        "shape": shape,
        "spacing_mm": [1.0, 1.0],
        "channels": channels,
        "classes": {"classes": TREES, **table},
        "scales": {"thresholds_mm": [], "count": 1},
        "settings": {},
        "sampling": {"groups": [], "lowest_intensities": [0.0]},
        "arrays": arrays,
    }
    return Case(case_id, record, {}, CaseRecord.model_validate(record))


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"channels": ("red", "green")}, "channels image where the other has red, green"),
        ({"classes": dict(reversed(TREES.items()))}, "classes portal, hepatic where the other has hepatic, portal"),
        ({"regions": {"veins": ["portal", "hepatic"]}}, "other values, roles or regions of its classes"),
    ],
)
def test_cases_of_other_channels_or_classes(other, says):
    check_alike({"a": case("a"), "b": case("b")})
    with pytest.raises(ValueError, match=f"cases a and b were prepared in different ways .{says}"):
        check_alike({"a": case("a"), "b": case("b", **other)})


def test_a_training_does_not_go_on_with_other_channels_or_classes():
    before = {"a": case("a").known.identity()}
    assert identity_differences(before, before) == []
    renamed = {"a": case("a", classes={"hepatic": 1, "portal": 2}).known.identity()}
    assert identity_differences(before, renamed) == ["a: its classes are others"]
    coloured = {"a": case("a", ("green",)).known.identity()}
    assert identity_differences(before, coloured) == ["a: channels were image, now green"]
    told_less = {"a": {key: its for key, its in before["a"].items() if key not in ("channels", "classes")}}
    assert identity_differences(told_less, coloured) == []
