"""Flags of the keys of a mapping, such as the terms of a loss: which there are, and why one cannot be."""

from collections.abc import Iterable, Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from ramify.command_line.flags import Flag
from ramify.settings_errors import model_in


def keys_of_mappings(flags: Iterable[Flag], given: BaseModel | None) -> Iterator[str]:
    """The flags of keys that are there: by default, or by the settings of files."""
    for flag in flags:
        if isinstance(value := flag.value_in(given), dict):
            yield from (f"{flag.name}.{key}".replace("_", "-") for key in value)


def unknown_key_of_mapping(flag: str, settings_class: type[BaseModel], given: Any) -> str | None:
    """What to say of a flag of a key that is not there: why the mapping cannot have it, or how a file gives it.

    given: the settings on which flags lie, if there are some. None where the flag is none of a mapping's.
    """
    words: list[str] = flag.removeprefix("--").replace("-", "_").split(".")
    if len(words) < 2:
        return None
    sections, (name, key) = words[:-2], words[-2:]
    owner = settings_class
    for section in sections:
        field = owner.model_fields.get(section)
        inner = model_in(field.annotation) if field else None
        if inner is None:
            return None
        owner, given = inner, getattr(given, section, None)
    if (of_mapping := owner.model_fields.get(name)) is None:
        return None
    mapping = getattr(given, name, None) or of_mapping.get_default(call_default_factory=True)
    if not isinstance(mapping, dict) or not mapping:
        return None
    # Where values are of any kind, another key's is no example, and a file that is laid on top needs the new key alone.
    if get_args(of_mapping.annotation)[-1:] == (Any,):
        whole = {key: "VALUE"}
    else:
        whole = {**mapping, key: next(iter(mapping.values()))}
    try:
        owner.model_validate({name: whole})
    except ValidationError as error:
        for its in error.errors(include_url=False):
            if its["loc"][:1] == (name,):
                return f"{flag}: {its['msg'].removeprefix('Value error, ')}"
    written = "{" + ", ".join(f"{known}: {value}" for known, value in whole.items()) + "}"
    for section in reversed(words[1:-1]):
        written = f"{{{section}: {written}}}"
    written = f"{words[0]}: {written}"
    return f"{flag}: a flag changes keys that are there; a file adds one, --config FILE with {written}"
