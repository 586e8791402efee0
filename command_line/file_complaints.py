"""What pydantic says of a file of settings, in words: all of it, a line a setting, as wrong flags are told."""

import textwrap
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ramify.command_line.kinds import kind_of
from ramify.console.passwords import without_passwords
from ramify.settings_errors import complaint_of, model_in

LONGEST_ECHO = 200
"""Characters of a user's own words in a message."""
MOST_LINES = 10
"""Of one file: one of another kind may be wrong in every key."""
_SHOWN_KEYS = 4
_OF_ANOTHER_KIND = (
    "literal_error",
    "int_from_float",
    "enum",
    "none_required",
    "is_instance_of",
    "model_attributes_type",
)


def complaints_of_file(
    error: ValidationError, settings_class: type[BaseModel], given: Mapping[str, Any], names: str
) -> list[str]:
    """A line for each setting that is wrong, without passwords and cut short: a value may be a file's whole content.

    Args:
        error: pydantic's.
        settings_class: whose settings they are.
        given: the settings as they were checked.
        names: what each line begins with: the file, or where they come from.
    """
    of_places: dict[tuple[str | int, ...], list[tuple[ErrorDetails, _Place | None]]] = {}
    for details in error.errors(include_url=False):
        place = _place_of(details, settings_class)
        # The choices of a union and the items of a list complain one by one: they are one setting.
        of_places.setdefault(place.keys if place else details["loc"], []).append((details, place))
    lines = [_line(several, settings_class, given) for several in of_places.values()]
    told = [f"{names}: {line}" for line in _together(dict.fromkeys(lines))]
    if len(told) > MOST_LINES:
        more = f"{names}: {len(told) - MOST_LINES + 1} more settings are wrong; is it the right file?"
        return [*told[: MOST_LINES - 1], more]
    return told


def _together(lines: Iterable[str]) -> list[str]:
    """Lines with unknown keys of one section, which have no near miss, as one: each would list all that are known."""
    found: dict[str, list[str]] = {}
    for line in lines:
        key, unknown, known = line.partition(": unknown key; known: ")
        found.setdefault(f"{unknown}{known}" or line, []).append(key)
    return [
        line if line in keys else f"{_shortened(', '.join(keys))}{line.replace(' key;', ' keys;', len(keys) > 1)}"
        for line, keys in found.items()
    ]


class _Place(NamedTuple):
    """A setting by its keys, and what its value is to be."""

    keys: tuple[str, ...]
    annotation: Any


def _line(
    several: Sequence[tuple[ErrorDetails, _Place | None]], settings_class: type[BaseModel], given: Mapping[str, Any]
) -> str:
    """What is wrong with one setting, of which pydantic says several things."""
    for details, place in several:
        if place is None:
            return complaint_of(details, settings_class, _shortened)
        # Where one of its kinds fits and a check of that complains, the others have nothing to say.
        if not _is_of_another_kind(details, place):
            whole = {**details, "loc": place.keys, "input": _value_in(given, place.keys)}
            return complaint_of(typing.cast(ErrorDetails, whole), settings_class, _shortened)
    (keys, annotation), *_ = (place for _, place in several if place)
    return f"{_shortened('.'.join(keys))}: expected {_expected(annotation)}, got {_got(given, keys)}"


def _place_of(details: ErrorDetails, settings_class: type[BaseModel]) -> _Place | None:
    """The setting that an error is of; None where it is of none, of a whole section, or of what a mapping holds."""
    current: type[BaseModel] | None = settings_class
    keys: list[str] = []
    annotation: Any = None
    for part in details["loc"]:
        if current is None or not isinstance(part, str) or part not in current.model_fields:
            break
        annotation = current.model_fields[part].annotation
        keys.append(part)
        current = model_in(annotation)
    rest = details["loc"][len(keys) :]
    if not keys or details["type"] in ("extra_forbidden", "value_error") or (details["type"] == "missing" and not rest):
        return None
    if rest and (values := _values_in(annotation)) is not None:
        # A key of a mapping is a setting, too; one of sections, or of any values, is told by pydantic.
        plain = values is not Any and model_in(values) is None and rest[-1] != "[key]"
        return _Place((*keys, str(rest[0])), values) if plain else None
    return None if rest and current is not None else _Place(tuple(keys), annotation)


def _is_of_another_kind(details: ErrorDetails, place: _Place) -> bool:
    kind = details["type"]
    if kind == "missing" or kind.endswith(("_type", "_parsing")) or kind in _OF_ANOTHER_KIND:
        return True
    return kind == "too_long" and kind_of(place.annotation).expected[0].isdigit()


def _values_in(annotation: Any) -> Any:
    """What the values of a mapping are, also of one that may be left out; None: it is no mapping."""
    inner = typing.get_args(annotation)
    if typing.get_origin(annotation) is dict:
        return inner[1]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, typing.Annotated):
        return next((values for each in inner if (values := _values_in(each)) is not None), None)
    return None


def _expected(annotation: Any) -> str:
    """What a setting takes, as it is written in a file."""
    if (section := model_in(annotation)) is not None:
        keys = list(section.model_fields)
        listed = ", ".join(keys[:_SHOWN_KEYS]) + ", ..." * (len(keys) > _SHOWN_KEYS)
        return f"keys with values ({listed})"
    if _values_in(annotation) is not None:
        return "keys with values"
    kind = kind_of(annotation)
    if kind.is_switch:
        return "true or false"
    return kind.expected.replace(" with a space between them", " in a list").replace(
        " with spaces between them", " in a list"
    )


def _got(given: Mapping[str, Any], keys: Sequence[str]) -> str:
    """A value as it stands in a file."""
    value = _value_in(given, keys)
    of_yaml = {None: "null", True: "true", False: "false"}
    return of_yaml[value] if value is None or isinstance(value, bool) else _shortened(repr(value))


def _value_in(given: Mapping[str, Any], keys: Sequence[str]) -> Any:
    value: Any = given
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _shortened(words: str) -> str:
    return textwrap.shorten(without_passwords(words), LONGEST_ECHO, placeholder=" ...")
