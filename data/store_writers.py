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
import time
from collections.abc import Iterator
from pathlib import Path

from data.own_files import discard
from data.part_files import runs

TEMPORARY = re.compile(r"^\.(?P<kind>tmp|old)-(?P<case>.*)-(?P<pid>\d+)$")
WAIT_SECONDS = 60.0
"""How long a writer of an earlier run is waited for: it has its one case to finish, or is just being killed."""
_LOOK_SECONDS = 0.02


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
            if match and (alone or not runs(int(match["pid"]))):
                if match["kind"] == "old":
                    discard(path, store / match["case"])
                else:
                    remove(path)


def remove(path: Path) -> None:
    """Remove a file or a folder, there or not."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(store: Path, *, exclusive: bool, wait_seconds: float = WAIT_SECONDS) -> Iterator[bool]:
    """Hold a lock on a folder; False where the system or the disk has none."""
    if os.name != "posix":
        yield False
        return
    import fcntl

    kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    descriptor = os.open(store, os.O_RDONLY)
    try:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
                locked = True
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise OSError(
                        f"{store}: another process is writing into it; wait for it to end, or choose another --output"
                    ) from None
                time.sleep(_LOOK_SECONDS)
            except OSError:
                locked = False
                break
        yield locked
    finally:
        os.close(descriptor)
