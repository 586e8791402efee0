"""Settings by dotted keys: `train.learning_rate`, `loss.lambda_scales.0` of a list, `loss.main.dice` of a mapping."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel


def flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data as one value a dotted key; empty lists and mappings are values themselves."""
    return dict(_leaves(settings, ""))


def _leaves(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    inner: list[tuple[str, Any]] = []
    if isinstance(value, Mapping):
        inner = [(str(name), part) for name, part in value.items()]
    elif isinstance(value, list | tuple):
        inner = [(str(position), part) for position, part in enumerate(value)]
    if not inner:
        yield key, value
    for name, part in inner:
        yield from _leaves(part, f"{key}.{name}" if key else name)


def look_up(settings: BaseModel, key: str) -> Any:
    """The value of a key; None for one that its mapping could hold and does not.

    Raises ValueError that starts with the key: unknown (with the near miss), a whole section, or a whole list.
    """
    parts = key.split(".")
    current: Any = settings
    for position, part in enumerate(parts):
        above = ".".join(parts[:position])
        if isinstance(current, BaseModel) and part in type(current).model_fields:
            current = getattr(current, part)
        elif isinstance(current, tuple | list) and part.isdecimal() and int(part) < len(current):
            current = current[int(part)]
        elif isinstance(current, tuple | list):
            raise ValueError(f"{key}: {above} has {len(current)} elements, 0 to {len(current) - 1}")
        elif isinstance(current, dict) and (part in current or position == len(parts) - 1):
            current = current.get(part)
        elif isinstance(current, BaseModel | dict):
            raise ValueError(f"{key}: unknown key; {_near_miss(settings, key)}")
        else:
            raise ValueError(f"{key}: {above} is {current!r} in the configuration and has no parts")
    if isinstance(current, BaseModel | dict | tuple | list):
        inside = flat({key: current.model_dump() if isinstance(current, BaseModel) else current})
        raise ValueError(f"{key}: holds several settings; name one of them, such as {next(iter(inside))}")
    return current


def _near_miss(settings: BaseModel, key: str) -> str:
    known = list(flat(settings.model_dump(mode="json")))
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else "see the configuration's keys with train.py --help"


def put(plain: dict[str, Any], key: str, value: Any) -> None:
    """Change one value of settings as plain data (dicts and lists)."""
    *path, last = key.split(".")
    current: Any = plain
    for part in path:
        current = current[int(part) if isinstance(current, list) else part]
    current[int(last) if isinstance(current, list) else last] = value
