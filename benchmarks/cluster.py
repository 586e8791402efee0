"""What it costs to give cases out: to processes of this machine, and to a Dask scheduler's workers.

    pip install distributed
    python -m benchmarks.cluster [--tasks 1000] [--waiting 100000] [--folders 10000]

Both ways are given cases that do nothing. start: seconds until every one of two processes has done its first case.
task: milliseconds a case from then on; beside them Dask alone, all tasks given at once. after a kill -9: seconds until
the processes of a command that was killed are gone. memory: resident, of each kind of process. waiting: how long a
scheduler takes to receive so many tasks, and what its memory grows by while they wait. listing: a case store with so
many folders.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from ramify.command_line import parse, run
from ramify.data.case_store import CASE_FILE, list_cases
from ramify.processes.case_crew import CaseCrew
from ramify.processes.cluster_crew import ClusterCrew
from ramify.processes.crew import Crew

if TYPE_CHECKING:
    import distributed
    import psutil

WORKERS = 2
_MOMENT_SECONDS = 0.02
_KILLED = {
    "processes": """
from benchmarks.cluster import stay
from ramify.processes.case_crew import CaseCrew
if __name__ == "__main__":
    with CaseCrew(None, 2) as crew:
        list(crew.reports(stay, ["a", "b"], print))
""",
    "LocalCluster": """
from benchmarks.cluster import stay
from distributed import Client, LocalCluster
if __name__ == "__main__":
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0")
    with cluster, Client(cluster) as client:
        client.gather(client.map(stay, [None, None], ["a", "b"], pure=False))
""",
}


class ClusterBenchmark(BaseModel, frozen=True, extra="forbid"):
    """How much of each."""

    tasks: int = Field(default=1000, ge=1)
    """Cases given out."""
    waiting: int = Field(default=100_000, ge=1)
    """Tasks that wait at a scheduler."""
    folders: int = Field(default=10_000, ge=1)
    """Cases of the store that is listed."""


def main(argv: Sequence[str] | None = None) -> None:
    command = parse(ClusterBenchmark, __doc__, argv)
    print(f"{'':>22} start s  task ms  MB")
    for row in spread(command.tasks):
        print(row)
    for name, seconds in ends().items():
        print(f"after a kill -9, {name}: {seconds:.2f} s")
    print(waiting(command.waiting))
    print(listing(command.folders))


def nothing(tool: object, case_id: str) -> int:
    """A case that asks for nothing."""
    return os.getpid()


def stay(tool: object, case_id: str) -> None:
    """A case that does not end; it tells which process has it."""
    print(os.getpid(), flush=True)
    time.sleep(3600)


def spread(tasks: int) -> Iterator[str]:
    """A row for each way of giving cases out: start, time a case, memory."""
    from distributed import Client, LocalCluster

    case_ids = [f"case_{number}" for number in range(tasks)]
    began = time.monotonic()
    with CaseCrew(None, WORKERS) as crew:
        yield row_of("processes", start_of(crew, began), crew, case_ids)
    began = time.monotonic()
    with LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
        up = time.monotonic() - began
        with Client(cluster, set_as_default=False) as client:
            workers = list(client.run(os.getpid).values())
            began = time.monotonic()
            client.gather(client.map(nothing, [None] * tasks, case_ids, pure=False))
            bare = (time.monotonic() - began) / tasks
        yield f"{'Dask alone':>22} {up:7.2f} {1e3 * bare:8.2f}  {megabytes(workers)} a worker"
        began = time.monotonic()
        with ClusterCrew(None, cluster.scheduler_address) as there:
            yield row_of("processes on Dask", up + start_of(there, began), there, case_ids)


def start_of(crew: Crew[None], began: float) -> float:
    """Seconds until as many processes as there are to be have done a case each."""
    pids: set[int] = set()
    while len(pids) < WORKERS:
        pids |= set(crew.reports(nothing, [f"first_{number}" for number in range(2 * WORKERS)], lost))
    return time.monotonic() - began


def lost(case_id: str, how: str) -> int:
    raise RuntimeError(f"{case_id}: {how}")


def row_of(name: str, start: float, crew: Crew[None], case_ids: Sequence[str]) -> str:
    """One way's row."""
    began, memory = time.monotonic(), ""
    for place, pid in enumerate(crew.reports(nothing, case_ids, lost)):
        if place == len(case_ids) // 2:
            memory = megabytes([pid])
    task = (time.monotonic() - began) / len(case_ids)
    return f"{name:>22} {start:7.2f} {1e3 * task:8.2f}  {memory} a process of cases"


def megabytes(pids: Sequence[int]) -> str:
    """The mean resident memory of some processes."""
    import psutil

    sizes = [psutil.Process(pid).memory_info().rss for pid in pids]
    return f"{sum(sizes) / len(sizes) / 1e6:.0f}"


def ends() -> dict[str, float]:
    """How long the processes of a command live that is killed, each way."""
    import psutil

    seconds = {}
    for name, code in _KILLED.items():
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "killed.py"
            script.write_text(code, encoding="utf-8")
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
            process = subprocess.Popen(
                [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment
            )
            assert process.stdout is not None
            child = psutil.Process(int(process.stdout.readline()))
            process.kill()
            began = time.monotonic()
            while is_at_work(child):
                time.sleep(_MOMENT_SECONDS)
            seconds[name] = time.monotonic() - began
            process.wait()
    return seconds


def is_at_work(process: psutil.Process) -> bool:
    """Whether a process runs."""
    import psutil

    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@contextmanager
def lone_scheduler() -> Iterator[tuple[str, int]]:
    """The address and the process of a scheduler without workers."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scheduler.json"
        here = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
        process = subprocess.Popen([sys.executable, "-m", "dask", "scheduler", *here], stderr=subprocess.DEVNULL)
        try:
            while not file.is_file():
                time.sleep(_MOMENT_SECONDS)
            yield str(file), process.pid
        finally:
            process.terminate()
            process.wait()


def waiting(tasks: int) -> str:
    """What waiting tasks take at a scheduler."""
    import psutil
    from distributed import Client

    with lone_scheduler() as (file, pid):
        scheduler = psutil.Process(pid)
        with Client(scheduler_file=file, set_as_default=False) as client:
            before = scheduler.memory_info().rss
            began, futures = time.monotonic(), []
            for first in range(0, tasks, 1000):
                ids = range(first, min(tasks, first + 1000))
                futures += client.map(nothing, [None] * len(ids), [f"case_{number}" for number in ids], pure=False)
            while client.run_on_scheduler(tasks_of) < tasks:
                time.sleep(_MOMENT_SECONDS)
            seconds, grown = time.monotonic() - began, scheduler.memory_info().rss - before
    each = grown / tasks
    told = f"{before / 1e6:.0f} MB and {grown / 1e6:.0f} more ({each:.0f} B each)"
    return f"waiting: {tasks:,} tasks in {seconds:.0f} s, {told}"


def tasks_of(dask_scheduler: distributed.Scheduler) -> int:
    """How many tasks a scheduler knows."""
    return len(dask_scheduler.tasks)


def listing(folders: int) -> str:
    """How long a store takes to be listed, the best of three."""
    with tempfile.TemporaryDirectory() as name:
        store = Path(name)
        for number in range(folders):
            (store / f"case_{number}").mkdir()
            (store / f"case_{number}" / CASE_FILE).touch()
        times = []
        for _ in range(3):
            began = time.monotonic()
            assert len(list_cases(store)) == folders
            times.append(time.monotonic() - began)
    return f"listing: {folders:,} cases in {min(times):.2f} s"


if __name__ == "__main__":
    run(main)
