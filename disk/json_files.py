"""Plain data in JSON files that appear whole or not at all, with the same bytes for the same content."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ramify.disk.atomic_files import write_whole

MOST_BYTES = 64_000_000
"""Size of a file that is read: the scores of some ten thousand cases."""
_STRING = r'"(?:[^"\\]|\\.)*+"'
# A text that is no key is passed over, with the brackets in it.
_TOKEN = re.compile(rf"(?P<open>\{{)|(?P<close>\}})|(?P<key>{_STRING})(?=\s*:)|{_STRING}")
_NO_TEXT = re.compile("[\ud800-\udfff]")


def write_json(path: Path, content: Any) -> None:
    """Write plain data as JSON with sorted keys; the file appears whole or not at all. Raises ValueError, OSError."""
    write_whole(path, to_json(content))


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not JSON in UTF-8, a key twice in one object, larger than `MOST_BYTES`, or nested deeper than Python
            follows; one line that names the file and the place in it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    with path.open("rb") as stream:
        data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"{path}: more than {MOST_BYTES / 1e6:.0f} MB of JSON; is it the right file?")
    try:
        # Some editors put a byte order mark first.
        text = data.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_without_twins)
    except _Twins as twins:
        raise ValueError(f"{path}: {_second_time(text, twins.key)}; keep one of them") from None
    except RecursionError:
        raise ValueError(f"{path}: lists or objects nested too deep; is it the right file?") from None
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file ({error}); correct or remove it") from None


class _Twins(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of some keys and values; Python itself would take the last of two equal keys."""
    content = dict(pairs)
    if len(content) != len(pairs):
        seen: set[str] = set()
        raise _Twins(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return content


def _second_time(text: str, key: str) -> str:
    """Where an object has a key for the second time, in words; `text` is JSON as far as there."""
    objects: list[dict[str, int]] = []
    for token in _TOKEN.finditer(text):
        if token["open"]:
            objects.append({})
        elif token["close"]:
            objects.pop()
        elif token["key"] and json.loads(token["key"]) == key:
            line = text.count("\n", 0, token.start()) + 1
            if key in objects[-1]:
                return f"line {line}: key {key!r:.100} for the second time, after line {objects[-1][key]}"
            objects[-1][key] = line
    return f"key {key!r:.100} twice"


def to_json(content: Any, in_one_line: bool = False) -> str:
    """Plain data as JSON with sorted keys; NumPy's types are converted. Raises ValueError for NaN and anything else.

    in_one_line: for programs alone, many times as fast and a fraction of the size.
    """
    indent = None if in_one_line else 2
    text = json.dumps(content, sort_keys=True, indent=indent, allow_nan=False, default=_plain, ensure_ascii=False)
    # Bytes of a file's name that are no UTF-8 stay what they were, in a file that is.
    return _NO_TEXT.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise ValueError(f"{type(value).__name__} {value!r} is not plain data")
