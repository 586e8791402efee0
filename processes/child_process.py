"""Processes that end with the one that started them, however that ended, and leave Ctrl-C to it."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess

_PR_SET_PDEATHSIG = 1


def how_it_ended(exit_code: int) -> str:
    """What became of a process that is gone, in words."""
    if exit_code >= 0:
        return f"stopped with exit code {exit_code}"
    hint = ", as the system does when memory runs out" if exit_code == -signal.SIGKILL else ""
    return f"was killed by {signal.Signals(-exit_code).name}{hint}"


def start_unreached_by_interrupts(process: BaseProcess) -> None:
    """Start a process that Ctrl-C does not reach, which a terminal sends to all: its parent alone answers.

    It could not see to that itself while it loads its libraries, which takes seconds.
    """
    if os.name != "posix":
        process.start()
        return
    # multiprocessing's own process, were it started within, would let the signal through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
