"""A YAML file of settings, and pydantic's complaints about it in words."""

import difflib
import textwrap
import types
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ramify.command_line.shipped_settings import find_settings
from ramify.command_line.strict_yaml import MOST_BYTES, parse_yaml
from ramify.console.passwords import without_passwords

LONGEST_ECHO = 200
"""Characters of a user's own words in a message."""


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; one of the shipped files is found from any folder.

    Raises:
        FileNotFoundError: no such file, with the near miss.
        ValueError: empty, not YAML, a key twice, larger or deeper than settings are, or no mapping of keys to values.
    """
    try:
        # No more than is looked at: a file of the wrong kind may be larger than memory.
        with find_settings(path).open("rb") as stream:
            written = stream.read(MOST_BYTES + 1)
        if not written:
            raise ValueError("is empty, as where a download or a copy was cut off; get it again, or leave it out")
        content = parse_yaml(written)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected keys with values, got {type(content).__name__}")
    if odd := next((key for key in content if not isinstance(key, str)), None):
        raise ValueError(f"{path}: expected names as keys, got {odd!r}; quote it if it is one")
    return content


def laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Two mappings as one: sections are joined key by key, anything else is the upper one's."""
    joined = dict(below)
    for key, value in above.items():
        under = joined.get(key)
        joined[key] = laid_over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return joined


def with_default_mappings(given: dict[str, Any], settings_class: type[BaseModel]) -> dict[str, Any]:
    """Settings with the default of each mapping they leave out, so that one of its keys can be laid over the others.

    A mapping is a field of free keys, such as the terms of a loss; sections are looked into.
    """
    filled = dict(given)
    for name, field in settings_class.model_fields.items():
        default, inner = field.get_default(call_default_factory=True), model_in(field.annotation)
        if inner is not None:
            section = filled.get(name, None if default is None else {})
            if isinstance(section, dict) and (whole := with_default_mappings(section, inner)):
                filled[name] = whole
        elif isinstance(default, dict) and default:
            filled.setdefault(name, dict(default))
    return filled


def with_single_words(given: dict[str, Any], settings_class: type[BaseModel]) -> dict[str, Any]:
    """Settings whose lists may be given as one word, as on the command line: `channels: all` is `channels: [all]`.

    Sections are looked into; a list of fixed length stays as it is, and is told by the checks.
    """
    whole = dict(given)
    for name, value in given.items():
        annotation = field.annotation if (field := settings_class.model_fields.get(name)) else None
        if isinstance(value, dict) and (inner := model_in(annotation)):
            whole[name] = with_single_words(value, inner)
        elif isinstance(value, str) and typing.get_origin(annotation) is tuple and ... in typing.get_args(annotation):
            whole[name] = [value]
    return whole


def describe_validation_error(error: ValidationError, settings_class: type[BaseModel]) -> str:
    """The first complaint in one line: the key's full name, what is wrong, and the near miss of an unknown key."""
    first = error.errors(include_url=False)[0]
    key = textwrap.shorten(".".join(str(part) for part in first["loc"]), LONGEST_ECHO, placeholder=" ...")
    if first["type"] == "extra_forbidden":
        known = _keys_beside(settings_class, [str(part) for part in first["loc"][:-1]])
        near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1, cutoff=0.5)
        prefix = key.rpartition(".")[0]
        hint = f"did you mean {prefix + '.' if prefix else ''}{near[0]}?" if near else f"known: {', '.join(known)}"
        return f"{key}: unknown key; {hint}"
    if first["type"] == "missing":
        return f"{key}: missing; it has no default"
    message = first["msg"].removeprefix("Value error, ")
    came = textwrap.shorten(without_passwords(repr(first["input"])), LONGEST_ECHO, placeholder=" ...")
    return f"{key}: {message} (got {came})" if key else message


def _keys_beside(settings_class: type[BaseModel], section: list[str]) -> list[str]:
    """The keys a section of the settings knows."""
    current = settings_class
    for part in section:
        field = current.model_fields.get(part)
        inner = model_in(field.annotation) if field else None
        if inner is None:
            return []
        current = inner
    return list(current.model_fields)


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The settings model in an annotation such as `Model` or `Model | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return next((m for a in typing.get_args(annotation) if (m := model_in(a)) is not None), None)
    return None
