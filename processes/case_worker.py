"""A process at work on cases, seen from the one that gives them out: a reader may crash in it, and cost one case."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

from ramify.processes.child_process import end_with_parent, how_it_ended, leave_interrupts_to_parent, start_child
from ramify.processes.environment import single_threaded

ToolT = TypeVar("ToolT")


class CaseWorker(Generic[ToolT]):
    """One process.

    Args:
        tool: what it works with; picklable, and its own from then on.
        single_thread: whether its arithmetic gets one thread alone, where the user has set no limit.

    Attributes:
        case_id: what it is at work on; None where it is idle.
        had: the cases that it was given.
    """

    def __init__(self, tool: ToolT, single_thread: bool) -> None:
        self.case_id: str | None = None
        self.had: set[str] = set()
        self.pipe, theirs = multiprocessing.Pipe()
        self._process = start_child(_work, (theirs, tool), single_threaded() if single_thread else {}, daemon=True)
        theirs.close()

    def give(self, do: Callable[[ToolT, str], Any], case_id: str) -> None:
        """Let it begin a case. do: what it does, from its tool and the case; picklable."""
        self.case_id = case_id
        self.had.add(case_id)
        try:
            self.pipe.send((do, case_id))
        except OSError:
            # It is dead already: `report` will say so.
            return

    def report(self) -> Any:
        """What became of its case, once the pipe has something to say; raises EOFError where the process died of it."""
        try:
            found = self.pipe.recv()
        except OSError as error:
            raise EOFError from error
        self.case_id = None
        return found

    def how_it_died(self) -> str:
        """In words, after `report` raised."""
        self._process.join()
        return how_it_ended(self._process.exitcode or 0)

    def stop(self) -> None:
        """End it at once, whatever it is doing; a case is written whole or not at all."""
        self.pipe.close()
        self._process.kill()
        self._process.join()
        self._process.close()


def _work(pipe: Connection, tool: Any) -> None:
    """What the process does: cases, as they are given."""
    leave_interrupts_to_parent()
    end_with_parent()
    while True:
        try:
            do, case_id = pipe.recv()
        except EOFError:
            return
        pipe.send(do(tool, case_id))
