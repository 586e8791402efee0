"""What a flag takes, in its name's place and in words."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import PositiveFloat

from ramify.command_line.kinds import kind_of


@pytest.mark.parametrize(
    ("annotation", "shown", "expected"),
    [
        (int, "INT", "a whole number"),
        (Annotated[int, "mark"] | Literal["all"], "INT|all", "a whole number or all"),
        (Path | None, "PATH", "a path"),
        (Literal["a", "b", "c"] | None, "a|b|c", "a, b or c"),
        (tuple[PositiveFloat, ...], "NUMBER ...", "numbers with spaces between them"),
        (tuple[Literal["z", "y"], ...], "z|y ...", "z or y with spaces between them"),
        (tuple[float, float] | None, "NUMBER NUMBER", "2 numbers with a space between them, or none"),
        (tuple[float, float], "NUMBER NUMBER", "2 numbers with a space between them"),
        (Annotated[PositiveFloat | None, "mark"], "NUMBER", "a number, or none"),
        (dict[str, float] | None, "NAME VALUE ...", "pairs of a name and its value, NAME VALUE NAME VALUE"),
        (bool, "", "nothing"),
        (Any, "VALUE", "a value"),
    ],
)
def test_a_kind_is_shown_and_told(annotation, shown, expected):
    kind = kind_of(annotation)
    assert (kind.shown, kind.expected) == (shown, expected)


@pytest.mark.parametrize("annotation", [Path | None, str | None, Literal["none", "some"] | None, int, tuple[str, ...]])
def test_none_may_be_a_name_or_nothing_that_is_allowed(annotation):
    assert not kind_of(annotation).or_none
