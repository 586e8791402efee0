"""A process that ends when the one that started it is gone, however that ended."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading

_PR_SET_PDEATHSIG = 1


def how_it_ended(exit_code: int) -> str:
    """What became of a process that is gone, in words."""
    if exit_code >= 0:
        return f"stopped with exit code {exit_code}"
    hint = ", as the system does when memory runs out" if exit_code == -signal.SIGKILL else ""
    return f"was killed by {signal.Signals(-exit_code).name}{hint}"


def end_with_parent() -> None:
    """Make this process of multiprocessing end as soon as its parent is gone.

    Linux kills it together with the parent; elsewhere a thread watches, and a moment passes.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None, "only for processes started by multiprocessing"
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have ended before this was asked for.
        if os.getppid() != parent.pid:
            os._exit(1)

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
