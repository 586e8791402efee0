"""Who writes into a case store: nobody's begun work is removed, and nobody's is left behind.

A writer holds a shared lock on the store's folder while it has a temporary folder in there; the system takes the lock
from a process that dies before anybody can see that it died. So whoever gets the exclusive lock knows that every
temporary folder is a leftover, whatever became of the process ids in their names.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from ramify.disk.own_files import discard
from ramify.processes.system_lock import is_running, take_lock

TEMPORARY = re.compile(r"^\.(?P<kind>tmp|old)-(?P<case>.*)-(?P<pid>\d+)$")
WAIT_SECONDS = 60.0
"""How long a writer of an earlier run is waited for: it has its one case to finish, or is just being killed."""


@contextlib.contextmanager
def writing(store: Path) -> Iterator[None]:
    """Hold the store's folder as one of its writers."""
    with _locked(store, exclusive=False):
        yield


def remove_leftovers(store: Path, wait_seconds: float = WAIT_SECONDS) -> None:
    """Remove what killed writers left; waits for one that is still at work.

    Raises OSError where one does not come to an end.
    """
    with _locked(store, exclusive=True, wait_seconds=wait_seconds) as alone:
        for path in store.iterdir():
            match = TEMPORARY.match(path.name)
            # Where the disk knows no locks, the process ids are all there is to go by.
            if match and (alone or not is_running(int(match["pid"]))):
                if match["kind"] == "old":
                    discard(path, store / match["case"])
                else:
                    remove_temporary(path)


def remove_temporary(path: Path) -> None:
    """Remove a temporary file or folder, there or not."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(store: Path, *, exclusive: bool, wait_seconds: float = WAIT_SECONDS) -> Iterator[bool]:
    """Hold a lock on a folder; False where the system or the disk has none."""
    if os.name != "posix":
        # There a folder cannot be opened.
        yield False
        return
    descriptor = os.open(store, os.O_RDONLY)
    try:
        try:
            locked = take_lock(descriptor, shared=not exclusive, wait_seconds=wait_seconds)
        except BlockingIOError:
            raise OSError(
                f"{store}: another process is writing into it; wait for it to end, or choose another --output"
            ) from None
        yield locked
    finally:
        os.close(descriptor)
