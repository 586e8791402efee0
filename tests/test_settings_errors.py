"""Settings that are made in Python say what is wrong in a line; what validates a file is told by pydantic where."""

import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator

from ramify.settings_errors import PythonSettings


class Inner(PythonSettings, frozen=True, extra="forbid"):
    """Settings."""

    sizes: tuple[int, ...] = (1,)
    count: int = Field(default=1, ge=1)

    @field_validator("sizes")
    @classmethod
    def _rising(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if list(sizes) != sorted(sizes):
            raise ValueError(f"sizes: expected rising numbers, got {sizes}")
        return sizes


class Outer(PythonSettings, frozen=True, extra="forbid"):
    """Settings with a section."""

    inner: Inner = Inner()
    name: str


@pytest.mark.parametrize(
    ("made", "given", "said"),
    [
        (Inner, {"sizes": (2, 1)}, "Inner: sizes: expected rising numbers, got (2, 1)"),
        (Inner, {"count": 0}, "Inner: count: Input should be greater than or equal to 1 (got 0)"),
        (Inner, {"size": 0}, "Inner: size: unknown key; did you mean sizes?"),
        (Outer, {}, "Outer: name: missing; it has no default"),
        (Outer, {"name": "a", "inner": {"coun": 0}}, "Outer: inner.coun: unknown key; did you mean inner.count?"),
        (Outer, {"name": "a", "inner": {"sizes": (2, 1)}}, "Outer: inner.sizes: expected rising numbers, got (2, 1)"),
    ],
)
def test_a_call_is_told_in_a_line(made: type[BaseModel], given: dict[str, object], said: str):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        made(**given)
    assert str(caught.value) == said
    assert caught.value.__cause__ is None
    with pytest.raises(ValidationError):
        made.model_validate(given)


def test_what_is_right_is_made():
    outer = Outer(name="a", inner=Inner(sizes=(1, 2)))
    assert outer == Outer.model_validate({"name": "a", "inner": {"sizes": [1, 2]}})
    assert outer.model_copy(update={"name": "b"}).name == "b"
