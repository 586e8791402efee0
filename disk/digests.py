"""Fingerprints of files and folders: of all they hold, or of samples of a large file; and signs of a change."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from ramify.disk.system_files import is_left_by_system

_BLOCK = 1 << 20
WHOLE_BYTES = 16 << 20
"""A file up to this size is hashed whole where samples are asked for."""
_SAMPLES, _SAMPLE_BYTES = 64, 64 << 10


def fingerprint(path: Path) -> str:
    """SHA-256 of a file, or of a folder's files (names and contents, sorted), as hexadecimal digits."""
    digest = hashlib.sha256()
    if path.is_dir():
        for part in files_in(path):
            name = part.relative_to(path).as_posix()
            digest.update(f"{name}\0{fingerprint(part)}\0".encode(errors="surrogateescape"))
    else:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def sampled_fingerprint(path: Path) -> str:
    """SHA-256 of a file's size and of 64 evenly spread blocks of 64 KiB, the first and the last among them."""
    size = path.stat().st_size
    digest = hashlib.sha256(f"{size}\0".encode())
    with path.open("rb") as stream:
        for start in _starts(size):
            stream.seek(start)
            digest.update(stream.read(_SAMPLE_BYTES))
    return digest.hexdigest()


def state_of(file: Path | int) -> tuple[int, ...]:
    """What changes when a file does, first its size: what was read once need not be read again until then.

    file: its path or descriptor.
    """
    status = os.stat(file)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def files_in(folder: Path) -> list[Path]:
    """Every file below a folder, sorted, but for what systems leave in folders that were looked into."""
    return sorted(part for part in folder.rglob("*") if part.is_file() and not is_left_by_system(part))


def _starts(size: int) -> Iterator[int]:
    last = max(0, size - _SAMPLE_BYTES)
    for number in range(_SAMPLES):
        yield last * number // (_SAMPLES - 1)
