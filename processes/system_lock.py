"""The system's locks: they end with the process that holds them, in whatever way it ends."""

from __future__ import annotations

import os
import time

_LOOK_SECONDS = 0.02


def take_lock(descriptor: int, *, shared: bool = False, wait_seconds: float = 0.0, inherited: bool = True) -> bool:
    """Lock an open file or folder until it is closed; False where the system or the disk has no locks.

    Args:
        descriptor: of the file; where the lock is neither shared nor inherited, one that may be written to.
        shared: several processes may hold it at once, if none holds it alone.
        wait_seconds: how long to wait for another process, which may be infinite.
        inherited: processes that are forked hold it as well, and closing another descriptor of the file does not end
            it; otherwise the lock is this process's own, and ends as soon as it closes any descriptor of the file.

    Raises BlockingIOError where another process still holds it.
    """
    if os.name != "posix":
        return False
    import fcntl

    take, held = (fcntl.flock, BlockingIOError) if inherited else (fcntl.lockf, (BlockingIOError, PermissionError))
    kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            take(descriptor, kind)
            return True
        except held:
            if time.monotonic() >= deadline:
                raise BlockingIOError("another process holds the lock") from None
            time.sleep(_LOOK_SECONDS)
        except OSError:
            return False


def is_running(pid: int) -> bool:
    """Whether a process of this machine runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
