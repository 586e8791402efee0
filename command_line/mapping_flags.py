"""A flag of a key that a mapping has not, such as one of a term where the loss has other terms."""

import re
from typing import Any

from pydantic import BaseModel, ValidationError

from ramify.settings_errors import model_in

_UNKNOWN = re.compile(r"Unrecognized options:? (?:.*? )?--(?P<flag>[\w.-]+\.[\w-]+)")


def unknown_key_of_mapping(text: str, settings_class: type[BaseModel], default: Any) -> str | None:
    """What to say of such a flag: why the mapping cannot have that key, or how a file gives it.

    text: the complaint about unknown options, in one line. default: the settings on which flags lie, if there are some.
    None where the flag is none of a mapping's.
    """
    if (found := _UNKNOWN.search(text)) is None:
        return None
    words: list[str] = found["flag"].replace("-", "_").split(".")
    sections, (name, key) = words[:-2], words[-2:]
    owner, given = settings_class, default
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
    whole = {**mapping, key: next(iter(mapping.values()))}
    try:
        owner.model_validate({name: whole})
    except ValidationError as error:
        for its in error.errors(include_url=False):
            if its["loc"][:1] == (name,):
                return f"--{found['flag']}: {its['msg'].removeprefix('Value error, ')}"
    written = "{" + ", ".join(f"{known}: {value}" for known, value in whole.items()) + "}"
    for section in reversed(words[1:-1]):
        written = f"{{{section}: {written}}}"
    written = f"{words[0]}: {written}"
    return f"--{found['flag']}: a flag changes keys that are there; a file adds one, --config FILE with {written}"
