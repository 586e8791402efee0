"""A process at work on cases, seen from the one that gives them out: a reader may crash in it, and cost one case."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Generic, TypeVar

from ramify.processes.child_process import end_with_parent, how_it_ended, leave_interrupts_to_parent, start_child
from ramify.processes.environment import single_threaded

ReportT = TypeVar("ReportT")


class CaseWorker(Generic[ReportT]):
    """One process.

    Args:
        do: what it does with a case; picklable.
        single_thread: whether its arithmetic gets one thread alone, where the user has set no limit.
    """

    def __init__(self, do: Callable[[str], ReportT], single_thread: bool) -> None:
        self.case_id: str | None = None
        self.pipe, theirs = multiprocessing.Pipe()
        self._process = start_child(_work, (theirs, do), single_threaded() if single_thread else {}, daemon=True)
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


def _work(pipe: Connection, do: Callable[[str], ReportT]) -> None:
    """What the process does: cases, as they are given."""
    leave_interrupts_to_parent()
    end_with_parent()
    while True:
        try:
            case_id: str = pipe.recv()
        except EOFError:
            return
        pipe.send(do(case_id))
