"""Settings of several layers as one: what a layer leaves out, and what it adds."""

from typing import Any

import pytest
from pydantic import BaseModel

from ramify.command_line.yaml_settings import laid_over, with_default_mappings, with_single_words


class Inner(BaseModel):
    terms: dict[str, float] = {"dice": 1.0, "cross_entropy": 2.0}
    arguments: dict[str, Any] = {}
    size: int = 3


class Outer(BaseModel):
    place: str
    loss: Inner = Inner()
    other: Inner | None = None


@pytest.mark.parametrize(
    ("given", "filled"),
    [
        ({}, {"loss": {"terms": {"dice": 1.0, "cross_entropy": 2.0}}}),
        ({"loss": {"size": 1}}, {"loss": {"size": 1, "terms": {"dice": 1.0, "cross_entropy": 2.0}}}),
        ({"loss": {"terms": {"dice": 0.5}}}, {"loss": {"terms": {"dice": 0.5}}}),
        ({"loss": "wrong"}, {"loss": "wrong"}),
        (
            {"loss": {"terms": {}}, "other": {}},
            {"loss": {"terms": {}}, "other": {"terms": {"dice": 1.0, "cross_entropy": 2.0}}},
        ),
    ],
)
def test_only_mappings_that_are_left_out_are_filled(given, filled):
    before = repr(given)
    assert with_default_mappings(given, Outer) == filled
    assert repr(given) == before


def test_a_key_is_laid_over_the_default_ones():
    plain = laid_over(with_default_mappings({}, Outer), {"place": "x", "loss": {"terms": {"recall": 0.1}}})
    assert Outer.model_validate(plain).loss.terms == {"dice": 1.0, "cross_entropy": 2.0, "recall": 0.1}
    assert Outer.model_validate(with_default_mappings({"place": "x"}, Outer)) == Outer(place="x")


class Listed(BaseModel):
    channels: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    ends: tuple[str, str] = ("a", "b")
    word: str = ""


class Sections(BaseModel):
    data: Listed = Listed()
    other: Listed | None = None


def test_one_word_is_a_list_of_one():
    given = {"data": {"channels": "all", "word": "all", "ends": "ab"}, "other": {"channels": ["a", "b"]}, "none": "x"}
    before = repr(given)
    assert with_single_words(given, Sections) == given | {"data": {"channels": ["all"], "word": "all", "ends": "ab"}}
    assert repr(given) == before
    # Of other kinds than words, too: the check says what is wrong with the word itself.
    assert with_single_words({"other": {"numbers": "many"}}, Sections) == {"other": {"numbers": ["many"]}}
