"""A process at work on cases, seen from the one that gives them out: a reader may crash in it, and cost one case."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Generic, TypeVar

from ramify.processes.child_process import end_with_parent, how_it_ended, start_unreached_by_interrupts

ReportT = TypeVar("ReportT")
_THREAD_LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)


class CaseWorker(Generic[ReportT]):
    """One process.

    Args:
        do: what it does with a case; picklable.
        single_thread: whether its arithmetic gets one thread alone, where the user has set no limit.
    """

    def __init__(self, do: Callable[[str], ReportT], single_thread: bool) -> None:
        self.case_id: str | None = None
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, do), daemon=True)
        with _thread_limits(single_thread):
            start_unreached_by_interrupts(self._process)
        theirs.close()

    def give(self, case_id: str) -> None:
        """Let it begin a case."""
        self.case_id = case_id
        try:
            self.pipe.send(case_id)
        except OSError:
            # It is dead already: `report` will say so.
            return

    def report(self) -> ReportT | None:
        """What became of its case, once the pipe has something to say; None where the process died of it."""
        try:
            found: ReportT = self.pipe.recv()
        except (EOFError, OSError):
            return None
        self.case_id = None
        return found

    def how_it_died(self) -> str:
        """In words, after `report` gave None."""
        self._process.join()
        return how_it_ended(self._process.exitcode or 0)

    def stop(self) -> None:
        """End it at once, whatever it is doing; a case is written whole or not at all."""
        self.pipe.close()
        self._process.kill()
        self._process.join()
        self._process.close()


@contextmanager
def _thread_limits(single_thread: bool) -> Iterator[None]:
    # Read by the libraries when a worker loads them; a limit the user has set stays.
    limits = {name: "1" for name in _THREAD_LIMITS if single_thread and name not in os.environ}
    os.environ.update(limits)
    try:
        yield
    finally:
        for name in limits:
            os.environ.pop(name, None)


def _work(pipe: Connection, do: Callable[[str], ReportT]) -> None:
    """What the process does: cases, as they are given."""
    # Ctrl-C reaches every process of a terminal; the parent alone answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    while True:
        try:
            case_id: str = pipe.recv()
        except EOFError:
            return
        pipe.send(do(case_id))
