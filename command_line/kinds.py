"""What values a flag takes: in its name's place in --help, and in words where something else came."""

import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Kind:
    """Values of one kind.

    Attributes:
        shown: as --help shows them behind the flag, such as `NUMBER` or `best|final`; empty for what is on or off.
        expected: in words, such as "a number".
        several: in words, where a list has them.
        choices: all there are, where they are few.
        is_list: whether words of any number are taken.
        is_switch: whether it is on or off, without a value.
        or_none: whether the word none stands for no value: of numbers and rows of them, where it means nothing else.
    """

    shown: str
    expected: str
    several: str = ""
    choices: tuple[str, ...] = ()
    is_list: bool = False
    is_switch: bool = False
    or_none: bool = False


NONE = "none"
_NUMBERS = (int, float)
_PLAIN = {
    bool: Kind("", "nothing", is_switch=True),
    int: Kind("INT", "a whole number", "whole numbers"),
    float: Kind("NUMBER", "a number", "numbers"),
    str: Kind("TEXT", "a word", "words"),
    Path: Kind("PATH", "a path", "paths"),
}


def kind_of(annotation: Any) -> Kind:
    """The kind of values that an annotation of a settings model allows; None among others goes without saying."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return kind_of(inner[0])
    if origin is typing.Literal:
        choices = tuple(map(str, inner))
        return Kind("|".join(choices), one_of(choices), one_of(choices), choices)
    if origin in (typing.Union, types.UnionType):
        values = [each for each in inner if each is not type(None)]
        kind = _either([kind_of(each) for each in values])
        if len(values) == len(inner) or not all(map(_is_of_numbers, values)):
            return kind
        return replace(kind, expected=f"{kind.expected}, or {NONE}", or_none=True)
    if origin is tuple:
        return _row(inner)
    if origin is dict:
        return Kind("NAME VALUE ...", "pairs of a name and its value, NAME VALUE NAME VALUE", is_list=True)
    return _PLAIN.get(annotation, Kind("VALUE", "a value", "values"))


def _either(kinds: list[Kind]) -> Kind:
    if len(kinds) == 1:
        return kinds[0]
    every = tuple(choice for kind in kinds for choice in kind.choices)
    return Kind("|".join(kind.shown for kind in kinds), " or ".join(kind.expected for kind in kinds), choices=every)


def _is_of_numbers(annotation: Any) -> bool:
    """Whether values are numbers, or rows of them."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _is_of_numbers(inner[0])
    if origin in (tuple, typing.Union, types.UnionType):
        return all(_is_of_numbers(each) for each in inner if each is not Ellipsis)
    return annotation in _NUMBERS


def _row(inner: tuple[Any, ...]) -> Kind:
    """A tuple: of any length, or of as many as it says."""
    item = kind_of(inner[0])
    if len(inner) == 2 and inner[1] is Ellipsis:
        # A list of lists, or of pairs, is told by its items.
        return Kind(f"{item.shown} ...", f"{item.several or item.expected} with spaces between them", is_list=True)
    shown = " ".join(kind_of(each).shown for each in inner)
    return Kind(shown, f"{len(inner)} {item.several or 'values'} with a space between them", f"rows of {len(inner)}")


def one_of(names: Sequence[str]) -> str:
    """Some names, one of which it is, in words."""
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
