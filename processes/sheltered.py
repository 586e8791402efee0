"""Processes that a signal to all does not end: the one that started them finishes first, and ends them itself.

SLURM, Ctrl-C and `kill -- -GROUP` reach every process of a command. A helper that ends at once leaves the one that
waits for it with an error in the middle of its work.
"""

import multiprocessing.resource_tracker
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name))
# Where it cannot be told who sent a signal (macOS, Windows), processes answer signals as they always do.
_CAN_TELL = hasattr(signal, "sigwaitinfo")


@contextmanager
def sheltering() -> Iterator[None]:
    """Processes and threads that are started in here are born with SIGTERM, SIGINT and SIGHUP held back.

    Such a process must call `heed_parent_alone`.
    """
    if not _CAN_TELL:
        yield
        return
    # Started later, it would lift what is held back.
    multiprocessing.resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def heed_parent_alone() -> None:
    """End at a SIGTERM of the process that started this one, and at no other signal that was held back."""
    if not _CAN_TELL:
        return

    def wait() -> None:
        while signal.sigwaitinfo([signal.SIGTERM]).si_pid != os.getppid():
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()
