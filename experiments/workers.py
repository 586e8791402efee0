"""Processes that do one run of an experiment after another.

Each is a fresh process with its share of the threads and, where asked for, a GPU of its own. What a run would show goes
to its log. A process ends when the one that started it is gone, so that a killed experiment leaves nothing behind that
computes.
"""

import multiprocessing
import signal
import sys
import traceback
from multiprocessing.connection import Connection, wait
from typing import NamedTuple

from ramify.console.error_line import line_of, out_of_memory
from ramify.experiments.plan import Run
from ramify.experiments.runs import Stopwatch, carry_out, log_file
from ramify.processes.child_process import end_with_parent, how_it_ended, leave_interrupts_to_parent, start_child
from ramify.processes.environment import limited_to
from ramify.training.run_folder import claim_run
from ramify.training.worker_log import printing_to

GRACE_SECONDS = 10.0
"""How long a process that is told to end may take."""
TERMINATED_EXIT_CODE = 128 + signal.SIGTERM


class Outcome(NamedTuple):
    """What became of a run.

    reason: why it failed, in one line; empty where it did not.
    for_memory: whether that was for want of memory.
    died: whether its process is gone.
    """

    reason: str = ""
    for_memory: bool = False
    died: bool = False


class Worker:
    """A process that does runs, seen from the one that gives them out.

    Args:
        threads: of its arithmetic.
        gpu: number of the GPU it may see; None for whatever there is.
    """

    def __init__(self, threads: int, gpu: int | None = None) -> None:
        self._threads, self._gpu = threads, gpu
        self.run: Run | None = None
        self.watch: Stopwatch | None = None
        self._start()

    def give(self, run: Run) -> None:
        """Let an idle worker begin a run, or take it up again."""
        assert self.run is None, "only to an idle worker"
        if not self._process.is_alive():
            self._start()
        self.run, self.watch = run, Stopwatch(run)
        self._pipe.send(run)

    def outcome(self) -> tuple[Run, Outcome, Stopwatch] | None:
        """What became of its run, once it has ended; the worker is idle then."""
        if self.run is None or self.watch is None:
            return None
        if self._pipe.poll():
            try:
                found: Outcome = self._pipe.recv()
            except (EOFError, OSError):
                found = self._how_it_died()
        elif not self._process.is_alive():
            found = self._how_it_died()
        else:
            return None
        ended, self.run = self.run, None
        return ended, found, self.watch

    def stop(self) -> None:
        """End the process, whatever it is doing; what it had saved stays."""
        # An idle one ends by itself where its pipe does.
        self._pipe.close()
        if self.run is not None:
            self._process.terminate()
        self._process.join(GRACE_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    @property
    def signs(self) -> list[Connection | int]:
        """What to wait on for news."""
        return [self._pipe, self._process.sentinel]

    def _start(self) -> None:
        its_gpu = {} if self._gpu is None else {"CUDA_VISIBLE_DEVICES": str(self._gpu)}
        self._pipe, theirs = multiprocessing.Pipe()
        # No daemon: those may not have loader processes of their own.
        self._process = start_child(_work, (theirs,), {**limited_to(self._threads), **its_gpu}, daemon=False)
        theirs.close()

    def _how_it_died(self) -> Outcome:
        self._process.join()
        code = self._process.exitcode or 0
        return Outcome(f"its process {how_it_ended(code)}", for_memory=code == -signal.SIGKILL, died=True)


def wait_for_news(workers: list[Worker], seconds: float) -> None:
    """Return as soon as a worker at work has something to say, or after some seconds."""
    wait([sign for worker in workers if worker.run is not None for sign in worker.signs], seconds)


def _work(pipe: Connection) -> None:
    """What a worker's process does: runs, as they are given."""
    leave_interrupts_to_parent()
    # As an exception, so that the libraries can put their things away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED_EXIT_CODE))
    end_with_parent()
    while True:
        try:
            run: Run = pipe.recv()
        except EOFError:
            return
        pipe.send(_logged_attempt(run))


def _logged_attempt(run: Run) -> Outcome:
    """Do a run, with what it would show in its log."""
    try:
        # First of all: a folder is made Ramify's as long as it is empty.
        claim_run(run.settings)
    except (ValueError, OSError) as error:
        return Outcome(line_of(error))
    with printing_to(log_file(run)):
        return _attempt(run)


def _attempt(run: Run) -> Outcome:
    """Do a run; whatever stops it becomes a line."""
    try:
        carry_out(run)
        return Outcome()
    except (ValueError, OSError) as error:
        return Outcome(line_of(error))
    except Exception as error:
        if out_of_memory(error):
            traceback.print_exc()
            _free_memory()
            return Outcome(f"out of memory ({line_of(error)[:160]})", for_memory=True)
        # A fault of ours: the log has its traceback, and the other runs go on.
        traceback.print_exc()
        return Outcome(f"{type(error).__name__}: {line_of(error)} (see {log_file(run)})")


def _free_memory() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
