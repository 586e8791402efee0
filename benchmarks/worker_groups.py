"""Groups of worker processes joined to one Dask scheduler over loopback, each started anew once it was killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.cluster import lone_scheduler


class WorkerGroups:
    """Workers of a scheduler, each of which looks after as many processes of cases as it has threads.

    Args:
        scheduler_file: of the scheduler.
        count: how many workers.
        threads: of each.
        folder: where they stand, and their log is.
    """

    def __init__(self, scheduler_file: str, count: int, threads: int, folder: Path) -> None:
        self.scheduler_file = scheduler_file
        self._threads, self._folder = threads, folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._workers = [self._started() for _ in range(count)]

    @property
    def pids(self) -> list[int]:
        """Process numbers of the workers."""
        return [worker.pid for worker in self._workers]

    def stand_up(self) -> None:
        """Start those anew that were killed."""
        self._workers = [worker if worker.poll() is None else self._started() for worker in self._workers]

    def end(self) -> None:
        """End all."""
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:
            worker.wait()

    def _started(self) -> subprocess.Popen[bytes]:
        place = ("--scheduler-file", self.scheduler_file, "--host", "127.0.0.1", "--no-dashboard", "--no-nanny")
        words = (*place, "--nthreads", str(self._threads))
        with (self._folder / "workers.log").open("ab") as log:
            # Not where the command stands, as on another machine.
            return subprocess.Popen(
                [sys.executable, "-m", "dask", "worker", *words], cwd=self._folder, stdout=log, stderr=log
            )


@contextmanager
def worker_groups(count: int, threads: int, folder: Path) -> Iterator[WorkerGroups]:
    """So many workers of a scheduler that is theirs alone; all end with the context."""
    with lone_scheduler() as (scheduler_file, _):
        groups = WorkerGroups(scheduler_file, count, threads, folder)
        try:
            yield groups
        finally:
            groups.end()
