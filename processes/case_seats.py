"""The processes that work on cases at one worker of a Dask cluster: what the worker itself runs of ours.

The worker only looks after them, as a crew does on one machine: a reader that crashes, or memory that runs out, ends a
process and not the worker, whose scheduler hears of it in words; code that lets no other thread run does not silence
the worker; each process has one thread, however the worker was started; and it is ended as soon as its case is not
wanted any more, as when the command was killed. A worker that is lost takes its processes with it.
"""

import os
import pickle
import platform
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ramify import __version__
from ramify.processes.case_worker import CaseWorker
from ramify.processes.child_process import may_have_processes
from ramify.processes.crew import Death, Processes

if TYPE_CHECKING:
    from distributed import Scheduler

GPU = "GPU"
"""The resource of a worker that a case takes one of which takes a GPU."""
_LOOK_SECONDS = 0.2
"""How often a process at work is asked for: its case may not be wanted any more."""
_care = threading.Lock()
"""One at a time starts and ends processes, which the environment and the system's account of them want."""
_at_work: Counter[str] = Counter()
"""How many cases of each crew are worked on here."""


@dataclass(frozen=True)
class Packed:
    """What crosses the network, which neither scheduler nor worker unpacks: they need not load what it needs.

    crew: a name that no other crew has. place: the folder that relative paths are seen from. version: of the code that
    has packed it. processes: what those are like that unpack it.
    """

    crew: str
    content: bytes
    place: str
    version: str
    processes: Processes


class CaseSeats:
    """Processes that one crew has at this worker: as many as the worker has threads, each started when it is needed.

    They end when the worker lets go of this object, as it does when nobody wants more of the crew. Where another
    worker asks for it, what it is made from is sent.
    """

    def __init__(self, packed: Packed) -> None:
        self._packed = packed
        self._idle: list[CaseWorker[_Tool]] = []

    def __reduce__(self) -> tuple[type, tuple[Packed]]:
        return CaseSeats, (self._packed,)

    def __del__(self) -> None:
        for process in self._idle:
            process.stop()

    def check(self) -> None:
        """Raise ValueError where this worker has other code than who asks, OSError where it does not see the folder."""
        here, its = platform.node(), self._packed
        if its.version != __version__:
            raise ValueError(
                f"a worker on {here} has Ramify {__version__}, and this is {its.version}; install the same there"
            )
        if not os.path.isdir(its.place):
            raise OSError(
                f"{its.place}: no such folder on {here}; cases are read where they lie, and every worker needs the "
                "folder that this command is started in"
            )

    def do(self, job: bytes, case_id: str, is_wanted: Callable[[], bool]) -> bytes | Death:
        """Let a process do a pickled job on a case, and wait for its pickled report.

        It is ended where nobody wants that any more.
        """
        with _care:
            process = self._idle.pop() if self._idle else self._start()
            _at_work[self._packed.crew] += 1
        done = False
        try:
            process.give(partial(_do_packed, job), case_id)
            end = self._watched(process, is_wanted)
            done = not isinstance(end, Death)
            return end
        finally:
            if not done:
                # Others need not wait for the grace of this one.
                process.ask_to_end()
                process.wait_for_end()
            with _care:
                if done:
                    self._idle.append(process)
                else:
                    process.stop()
                _at_work[self._packed.crew] -= 1

    def _start(self) -> "CaseWorker[_Tool]":
        its = self._packed.processes
        with may_have_processes():
            return CaseWorker(_Tool(self._packed), its.variables(0, several=True), its.grace_seconds)

    def _watched(self, process: "CaseWorker[_Tool]", is_wanted: Callable[[], bool]) -> bytes | Death:
        while not process.pipe.poll(_LOOK_SECONDS):
            if not is_wanted():
                return Death("was ended, as its case was not wanted any more")
        try:
            report: bytes = process.report()
        except EOFError:
            with _care:
                return Death(f"{process.how_it_died()} (on {platform.node()})")
        return report


class _Tool:
    """The tool of a crew in a process of its own, unpacked when it is first used."""

    def __init__(self, packed: Packed) -> None:
        self._packed, self._tool = packed, None

    def unpacked(self) -> Any:
        if self._tool is None:
            os.chdir(self._packed.place)
            self._tool = pickle.loads(self._packed.content)
        return self._tool


def keep(job: bytes) -> bytes:
    """A task of the scheduler: a pickled job, which workers hand to one another."""
    return job


def do_case(seats: CaseSeats, job: bytes, case_id: str) -> bytes | Death:
    """A task of the scheduler: one case, done by one of the processes here; raises as `CaseSeats.check`."""
    from distributed import Status, get_worker

    seats.check()
    worker = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        task = worker.state.tasks.get(key)
        ending = worker.status in (Status.closing, Status.closed, Status.failed)
        return task is not None and task.state != "cancelled" and not ending

    return seats.do(job, case_id, is_wanted)


def cases_at_work(crew: str) -> int:
    """How many cases of a crew are worked on at this worker."""
    return _at_work[crew]


def gpus_there(dask_scheduler: "Scheduler") -> float:
    """How many GPUs the workers of a scheduler have as a resource, in the scheduler's process."""
    return float(sum(worker.resources.get(GPU, 0) for worker in dask_scheduler.workers.values()))


def version_here() -> str:
    """That of the code that scheduler or worker would run."""
    return __version__


def _do_packed(job: bytes, tool: _Tool, case_id: str) -> bytes:
    """In a process of its own: do a job, which needs what this process alone has loaded."""
    return pickle.dumps(pickle.loads(job)(tool.unpacked(), case_id))
