"""Plain data in JSON files that appear whole or not at all, with the same bytes for the same content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from data.whole_files import write_whole


def write_json(path: Path, content: Any) -> None:
    """Write plain data as JSON with sorted keys; the file appears whole or not at all. Raises ValueError, OSError."""
    write_whole(path, to_json(content))


def read_json(path: Path) -> Any:
    """The content of a JSON file; raises FileNotFoundError, or ValueError that names the file and the place in it."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file ({error}); correct or remove it") from None


def to_json(content: Any) -> str:
    """Plain data as JSON with sorted keys; NumPy's types are converted. Raises ValueError for NaN and anything else."""
    return json.dumps(content, sort_keys=True, indent=2, allow_nan=False, default=_plain, ensure_ascii=False) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise ValueError(f"{type(value).__name__} {value!r} is not plain data")
