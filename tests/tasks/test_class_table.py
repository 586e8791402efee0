"""Which class a value of a label map is of, and which tables make no sense."""

import pytest
from pydantic import ValidationError

from ramify.tasks.class_table import IGNORED, SINGLE, ClassTable


def table(**given: object) -> ClassTable:
    return ClassTable.model_validate(given)


def test_classes_are_numbered_in_the_tables_order_without_the_organ():
    classes = {"liver": {"values": [1, 2, 3], "role": "organ"}, "veins": 3, "arteries": [7, 2]}
    its = table(classes=classes)
    assert its.names == ("veins", "arteries")
    assert its.organs == ("liver",)
    assert its.vessels == (1, 2)
    assert its.numbers_by_value() == {3: 1, 7: 2, 2: 2}
    assert its.written_values() == (0, 3, 7)


def test_context_is_segmented_and_no_vessel():
    its = table(classes={"tumour": {"values": 2, "role": "context"}, "veins": 1})
    assert (its.names, its.vessels) == (("tumour", "veins"), (2,))
    assert not its.is_single


def test_the_ignore_value_is_no_class():
    its = table(classes={"veins": 1}, ignore=9)
    assert its.numbers_by_value() == {1: 1, 9: IGNORED}
    assert not its.is_single


def test_regions_are_unions_of_classes():
    its = table(classes={"a": 1, "b": 2}, regions={"both": ["a", "b"], "one": "b"})
    assert (its.numbers_of("both"), its.numbers_of("one"), its.numbers_of("a")) == ((1, 2), (2,), (1,))


def test_classes_given_by_name_are_written_by_number():
    assert table(classes={"portal": "portalvein", "hepatic": 40}).written_values() == (0, 1, 2)


def test_plain_masks_have_one_class():
    assert SINGLE.is_single
    assert (SINGLE.names, SINGLE.written_values()) == (("vessel",), (0, 1))
    assert ClassTable.model_validate(SINGLE.model_dump()) == SINGLE


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"classes": {"a": 1, "b": [2, 1]}}, "value 1 is of a and of b"),
        ({"classes": {"a": 1}, "ignore": 1}, "ignore: 1 is the value of class a"),
        ({"classes": {"a": 0}}, "0 is the background's value"),
        ({"classes": {"a": []}}, "classes.a: has no value"),
        ({"classes": {"a": {"values": 1, "role": "organ"}}}, "at least one with the role vessel"),
        ({"classes": {"a": 1}, "regions": {"r": []}}, "regions.r: has no class"),
        ({"classes": {"a": 1}, "regions": {"r": ["b"]}}, "no segmented class 'b'; there are a"),
        ({"classes": {"a": 1}, "regions": {"r": ["a", "a"]}}, "names a class twice"),
        ({"classes": {"a": 1}, "regions": {"a": ["a"]}}, "there is a class of that name"),
        ({"classes": {"a": -1}}, "greater than or equal to 0"),
        ({"classes": {"a": True}}, "valid"),
        ({"classes": {"a=1,b": 2}}, "'a=1,b': a name has no =; give each class a key of its own"),
        ({"classes": {"a,b": 2}}, "'a,b': a name has no ,;"),
        ({"classes": {"a/b": 1}}, "'a/b' names files"),
        ({"classes": {"a": 1}, "regions": {".b": ["a"]}}, "'.b' names files"),
    ],
)
def test_what_makes_no_sense_is_named(given: dict[str, object], said: str):
    with pytest.raises(ValidationError, match=said):
        table(**given)


def test_a_region_is_written_as_its_first_class():
    its = table(classes={"edema": 1, "core": 2, "rim": 3}, regions={"all": ["core", "edema", "rim"], "rim_": "rim"})
    assert [its.number_of_region(name) for name in its.regions] == [2, 3]


def test_two_tables_in_another_order_are_not_the_same():
    """A network's channels are in the table's order."""
    one, other = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    assert table(classes=one) == table(classes=dict(one))
    assert table(classes=one) != table(classes=other)
    regions = {"x": ["a"], "y": ["a", "b"]}
    assert table(classes=one, regions=regions) != table(classes=one, regions=dict(reversed(regions.items())))
    assert table(classes=one) != table(classes=one, ignore=3)
