"""Temporary names for what is being written, and what killed writers left under such names."""

from __future__ import annotations

import itertools
import os
import platform
import re
import zlib
from pathlib import Path

from ramify.processes.system_lock import is_running

PART = ".ramify-part"
_NAME = re.compile(rf"{re.escape(PART)}-(?P<host>[0-9a-f]{{8}})-(?P<pid>\d+)-\d+(?:\..*)?")
_HOST = f"{zlib.crc32(platform.node().encode()):08x}"
_numbers = itertools.count()
_made: set[str] = set()
"""Names this process gave; an earlier process may have had its number."""


def part_of(path: Path, suffix: str = "") -> Path:
    """A temporary name beside a file, for what will be put in its place; one that is left by a kill is removed."""
    name = f"{PART}-{_HOST}-{os.getpid()}-{next(_numbers)}{suffix}"
    _made.add(name)
    return path.with_name(name)


def remove_parts(folder: Path, but_not_under: str) -> None:
    """Remove what killed writers of this machine left in a folder; folders in it with a file of that name are left."""
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not os.path.lexists(Path(root, name, but_not_under))]
        for name in files:
            remove_part(Path(root, name))


def remove_part(path: Path) -> None:
    """Remove a file if a killed writer of this machine left it."""
    found = _NAME.fullmatch(path.name)
    if found is None or found["host"] != _HOST or path.name in _made:
        return
    if int(found["pid"]) == os.getpid() or not is_running(int(found["pid"])):
        path.unlink(missing_ok=True)
