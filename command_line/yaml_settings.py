"""A YAML file of settings, and what several of them are together."""

import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ramify.command_line.kinds import NONE, kind_of
from ramify.command_line.shipped_settings import find_settings
from ramify.command_line.strict_yaml import MOST_BYTES, parse_yaml
from ramify.settings_errors import model_in


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
    """Settings with single words as on the command line: `channels: all` is `channels: [all]`, and none is no number.

    Sections are looked into; a list of fixed length stays as it is, and is told by the checks.
    """
    whole = dict(given)
    for name, value in given.items():
        annotation = field.annotation if (field := settings_class.model_fields.get(name)) else None
        if isinstance(value, dict) and (inner := model_in(annotation)):
            whole[name] = with_single_words(value, inner)
        elif isinstance(value, str) and typing.get_origin(annotation) is tuple and ... in typing.get_args(annotation):
            whole[name] = [value]
        elif isinstance(value, str) and value.lower() == NONE and kind_of(annotation).or_none:
            whole[name] = None
    return whole
