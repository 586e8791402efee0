"""Temporary folders that do not stay: what a killed process left goes when the next one looks."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ramify.processes.system_lock import is_running, take_lock

ROOM_REMEDY = "free some space there, or name another folder in the environment variable TMPDIR"
"""Where such a folder's disk is full."""
_NAME = re.compile(r"^ramify-[a-z]+-(?P<pid>\d+)-")


@contextlib.contextmanager
def temporary_folder(purpose: str) -> Iterator[Path]:
    """A new folder in the system's place for such (TMPDIR), removed in the end; purpose: a word of its name."""
    remove_abandoned_folders()
    with tempfile.TemporaryDirectory(prefix=f"ramify-{purpose}-{os.getpid()}-") as name, _held(Path(name)):
        yield Path(name)


def remove_abandoned_folders() -> None:
    """Remove the temporary folders of processes that are no more, as SIGKILL lets nobody clean up."""
    for path in Path(tempfile.gettempdir()).glob("ramify-*"):
        match = _NAME.match(path.name)
        if match and not path.is_symlink() and not is_running(int(match["pid"])):
            # A process of another container may have a number that is not in use here; it holds its folder.
            with contextlib.suppress(OSError), _held(path):
                shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a folder as its owner; raises OSError where another process does."""
    if os.name != "posix":
        # There a folder cannot be opened.
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        take_lock(descriptor)
        yield
    finally:
        os.close(descriptor)
