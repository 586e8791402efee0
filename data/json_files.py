"""Plain data in JSON files that appear whole or not at all, with the same bytes for the same content."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np


def write_json(path: Path, content: Any) -> None:
    """Write plain data as JSON with sorted keys; the file appears whole or not at all. Raises ValueError, OSError."""
    temporary = path.with_name(f".tmp-{path.name}-{os.getpid()}")
    text = to_json(content)
    with naming_path(path, "cannot be written; choose another output or free some space"):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(temporary, text)
            os.replace(temporary, path)
            sync_folder(path.parent)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


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


def write_text(path: Path, text: str) -> None:
    """Write text and wait until the disk has it."""
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a power cut; only POSIX systems can and need to."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def naming_path(path: Path, remedy: str) -> Iterator[None]:
    """Turn the system's errors into one line with the path we mean and the remedy."""
    try:
        yield
    except OSError as error:
        raise type(error)(f"{path}: {error.strerror or error}; it {remedy}") from None
