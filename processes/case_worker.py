"""A process at work on cases, seen from the one that gives them out: a reader may crash in it, and cost one case."""

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any, Generic

from ramify.processes.child_process import (
    end_with_parent,
    how_it_ended,
    leave_interrupts_to_parent,
    may_have_processes,
    start_child,
)
from ramify.processes.crew import ToolT

_TERMINATED_EXIT_CODE = 128 + signal.SIGTERM


class CaseWorker(Generic[ToolT]):
    """One process.

    Args:
        tool: what it works with; picklable, and its own from then on.
        variables: of its environment, besides those of this process.
        grace_seconds: how long it may take to end amid a case; 0 ends it at once.
        place: of it among the processes of its crew on this machine.

    Attributes:
        case_id: what it is at work on; None where it is idle.
        had: the cases that it was given.
    """

    def __init__(self, tool: ToolT, variables: Mapping[str, str], grace_seconds: float, place: int = 0) -> None:
        self.place, self._grace = place, grace_seconds
        self.case_id: str | None = None
        self.had: set[str] = set()
        self._deadline: float | None = None
        self.pipe, theirs = multiprocessing.Pipe()
        self._process = start_child(_work, (theirs, tool, grace_seconds > 0), variables, daemon=True)
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

    def ask_to_end(self) -> None:
        """Let it end, amid its case if it has one; its grace begins."""
        if self._deadline is None:
            self._deadline = time.monotonic() + self._grace
            # An idle one ends by itself where its pipe does.
            self.pipe.close()
            if self._grace and self.case_id is not None:
                self._process.terminate()

    def wait_for_end(self) -> None:
        """Return when it has ended that was asked to, or when its grace is over."""
        assert self._deadline is not None, "asked to end before"
        self._process.join(max(0.0, self._deadline - time.monotonic()))

    def stop(self) -> None:
        """End it, whatever it is doing, at once or after its grace; a case is written whole or not at all."""
        self.ask_to_end()
        self.wait_for_end()
        self._process.kill()
        self._process.join()
        self._process.close()


def _work(pipe: Connection, tool: Any, has_grace: bool) -> None:
    """What the process does: cases, as they are given."""
    leave_interrupts_to_parent()
    if has_grace:
        # As an exception, so that libraries can put their things away.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED_EXIT_CODE))
    end_with_parent()
    with may_have_processes():
        _do_cases(pipe, tool)


def _do_cases(pipe: Connection, tool: Any) -> None:
    while True:
        try:
            do, case_id = pipe.recv()
        except EOFError:
            return
        pipe.send(do(tool, case_id))
