"""Cases given out to the machines of a running Dask scheduler, with the promises of a crew on one machine.

Through the scheduler go the names of cases, the settings and what is told of each case; cases themselves are read and
written where they lie. At most some tasks for each thread of the workers wait there, whatever the number of cases.
A worker that is lost costs nothing but the time for the cases at work on it: others begin them once more.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import pickle
import queue
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ramify import __version__
from ramify.processes.case_seats import (
    GPU,
    CaseSeats,
    Packed,
    cases_at_work,
    do_case,
    gpus_there,
    keep,
    version_here,
)
from ramify.processes.crew import USUAL, Crew, Death, Processes, ReportT, ToolT, Watcher

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT_SECONDS = 10.0
"""How long a scheduler may take to answer."""
END_SECONDS = 6.0
"""How long workers may take to end what is not wanted any more."""
_LOOK_SECONDS = 1.0
_MOMENT_SECONDS = 0.05
_WAITING_SECONDS = 5.0
"""After so long without a worker, a line says what is waited for."""
_TASKS_A_THREAD = 4
_LEAST_TASKS = 16
_SHARED = ("python", "dask", "distributed", "cloudpickle", "numpy")
"""Packages whose versions are one and the same everywhere: what is sent is understood, and gives the same bits."""


class ClusterCrew(Crew[ToolT]):
    """Processes at the workers of a Dask scheduler, as many as those have threads at any time.

    Args:
        tool: what jobs are done with; picklable. It goes to each worker once.
        cluster: address of the scheduler, or its scheduler file.
        processes: what they are like.

    Raises:
        ValueError: no such file, no package distributed, or other code there than here.
        OSError: no scheduler answers.
    """

    _remedy = "start workers with fewer threads, or with more memory for each"

    def __init__(self, tool: ToolT, cluster: str, processes: Processes = USUAL) -> None:
        super().__init__(tool, processes)
        self._cluster, self._name = cluster, f"ramify-{uuid4().hex[:12]}"
        self._client = _connected(cluster)
        try:
            _check_versions(self._client, cluster)
        except BaseException:
            self._client.close(timeout=END_SECONDS)
            raise
        self._numbers = 0
        self._seats: Future | None = None

    def __exit__(self, *_: object) -> None:
        # With it goes the last that wants the tool: the workers end the processes that have it.
        self._seats = None
        self._client.close(timeout=END_SECONDS)

    def _outcomes(
        self, do: Callable[[ToolT, str], ReportT], waiting: deque[str], watcher: Watcher
    ) -> Generator[tuple[str, ReportT | Death], None, None]:
        if not waiting:
            return
        ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        of_future: dict[Future, str] = {}
        with self._reached():
            seats, job = self._opened(), self._submit(keep, pickle.dumps(do), name="job")
        try:
            room = _Room(self._client, self._cluster, self.processes)
            while waiting or of_future:
                with self._reached():
                    while waiting and len(of_future) < room.tasks():
                        case_id = waiting.popleft()
                        if not watcher.wants(case_id):
                            continue
                        future = self._submit(do_case, seats, job, case_id, name=case_id, resources=room.resources)
                        of_future[future] = case_id
                        future.add_done_callback(ended.put)
                    watcher.sees([*of_future.values()])
                    ends = self._ends(ended)
                for future, end in ends:
                    yield of_future.pop(future), end if isinstance(end, Death) else pickle.loads(end)
        finally:
            self._call_off([*of_future])

    def _opened(self) -> Future:
        """The seats of this crew, which stay with the workers from job to job."""
        if self._seats is None:
            packed = Packed(self._name, pickle.dumps(self.tool), os.getcwd(), __version__, self.processes)
            self._seats = self._submit(CaseSeats, packed, name="tool")
        return self._seats

    def _submit(
        self, do: Callable[..., Any], *arguments: Any, name: str, resources: Mapping[str, float] | None = None
    ) -> Future:
        self._numbers += 1
        # By what stands first the scheduler reckons how long a task takes: tools in no time, cases as cases before.
        key = (f"{self._name}-{'case' if do is do_case else 'tool'}", name, self._numbers)
        return self._client.submit(do, *arguments, key=key, pure=False, resources=resources)

    def _ends(self, ended: queue.SimpleQueue[Future]) -> list[tuple[Future, bytes | Death]]:
        """What became of the cases whose tasks have ended since, or of none after a while."""
        futures: list[Future] = []
        with contextlib.suppress(queue.Empty):
            futures.append(ended.get(timeout=_LOOK_SECONDS))
            while True:
                futures.append(ended.get_nowait())
        if not futures and self._client.status != "running":
            raise self._gone()
        # Many at once: a question each would take longer than a short case.
        done = {str(place): future for place, future in enumerate(futures) if future.status == "finished"}
        found = self._client.gather(done, errors="skip") if len(done) > 1 else {}
        return [(future, found.get(str(place)) or self._end_of(future)) for place, future in enumerate(futures)]

    def _end_of(self, future: Future) -> bytes | Death:
        """What became of a case, its report pickled; raises where no case can be worked on."""
        from distributed import KilledWorker

        try:
            end: bytes | Death = future.result()
            return end
        except KilledWorker as error:
            how = f"{error.allowed_failures + 1} workers of the cluster were lost while they had it, the last at"
            return Death(f"{how} {error.last_worker.address}; their logs may say why", is_last=True)

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        """Tell a scheduler that is not reached any more, or that refuses, as what it is."""
        from distributed import CancelledError
        from distributed.comm import CommClosedError

        try:
            yield
        except (CancelledError, CommClosedError, TimeoutError):
            raise self._gone() from None
        except RuntimeError as error:
            raise ValueError(f"--cluster {self._cluster}: the scheduler refused ({_line_of(error)})") from error

    def _gone(self) -> OSError:
        return OSError(
            f"--cluster {self._cluster}: the scheduler is gone; what is done stays, start a scheduler and the same "
            "command again"
        )

    def _call_off(self, futures: Sequence[Future]) -> None:
        """Let nobody work on these cases any more, and wait until nobody does."""
        if not futures or self._client.status != "running":
            return
        self._client.cancel(futures, force=True)
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            left = max(0.1, deadline - time.monotonic())
            with contextlib.suppress(OSError, TimeoutError):
                # What `Client.run` does, but for no longer than there is time.
                at_work = self._client.sync(
                    self._client._run, cases_at_work, self._name, on_error="ignore", callback_timeout=left
                )
                if not any(at_work.values()):
                    return
            time.sleep(_MOMENT_SECONDS)


class _Room:
    """How many tasks may wait at a scheduler, by the threads that its workers have now.

    Of long ones none waits behind another. Those that take a GPU are as many as there are GPUs, where workers have any.

    Attributes:
        resources: what a task takes of its worker's.
    """

    def __init__(self, client: Client, cluster: str, processes: Processes) -> None:
        self._client, self._cluster, self._processes = client, cluster, processes
        self._began, self._looked = time.monotonic(), -math.inf
        self._tasks, self._told = _LEAST_TASKS, False
        self.resources: dict[str, float] | None = None

    def tasks(self) -> int:
        now = time.monotonic()
        if now - self._looked >= _LOOK_SECONDS:
            self._looked, threads = now, sum(self._client.nthreads().values())
            at_work = self._at_work(threads)
            self._tasks = max(1, at_work) if self._processes.is_long else max(_LEAST_TASKS, _TASKS_A_THREAD * at_work)
            if not threads and not self._told and now - self._began >= _WAITING_SECONDS:
                self._told = True
                print(
                    f"--cluster {self._cluster}: no worker has joined the scheduler; waiting for one", file=sys.stderr
                )
        return self._tasks

    def _at_work(self, threads: int) -> int:
        """How many tasks are worked on at a time."""
        if not self._processes.takes_gpu:
            return threads
        gpus = self._client.run_on_scheduler(gpus_there)
        self.resources = {GPU: 1} if gpus else None
        return int(gpus) or threads


def _connected(cluster: str) -> Client:
    """A client of the scheduler; raises as `ClusterCrew`."""
    try:
        from distributed import Client
        from distributed.versions import VersionMismatchWarning
    except ImportError as error:
        raise ValueError(f"--cluster {cluster}: needs distributed; pip install distributed") from error
    for name in logging.root.manager.loggerDict:
        if name.partition(".")[0] == "distributed":
            # What goes wrong is told in a line of ours.
            logging.getLogger(name).setLevel(logging.CRITICAL)
    address = _address(cluster)
    try:
        with warnings.catch_warnings():
            # `_check_versions` refuses what matters.
            warnings.simplefilter("ignore", VersionMismatchWarning)
            return Client(address, timeout=CONNECT_SECONDS, set_as_default=False, name="ramify")
    except OSError as error:
        raise OSError(
            f"--cluster {cluster}: no Dask scheduler answers at {address} within {CONNECT_SECONDS:g} s; start one with "
            "'dask scheduler', and open its port to this machine"
        ) from error
    except ValueError as error:
        raise ValueError(f"--cluster {cluster}: {_line_of(error)}; give tcp://HOST:PORT or a scheduler file") from error


def _address(cluster: str) -> str:
    """The address, or that of a scheduler file; ValueError where the file is none."""
    path = Path(cluster)
    if not path.is_file():
        if "://" not in cluster and (path.suffix == ".json" or os.sep in cluster):
            raise ValueError(f"--cluster {cluster}: no such file; 'dask scheduler --scheduler-file' writes one")
        return cluster
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["address"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"--cluster {cluster}: not a scheduler file; 'dask scheduler --scheduler-file' writes one"
        ) from error


def _check_versions(client: Client, cluster: str) -> None:
    """Raise ValueError where the scheduler or a worker has other packages than this process, or other code of ours."""
    found = client.get_versions()
    here = _packages(found["client"], __version__)
    try:
        of_scheduler, of_workers = client.run_on_scheduler(version_here), client.run(version_here)
    except Exception as error:
        raise ValueError(
            f"--cluster {cluster}: its scheduler or a worker cannot load Ramify ({_line_of(error)}); start them in the "
            "environment that has it"
        ) from error
    theirs = {"its scheduler": _packages(found["scheduler"], of_scheduler)}
    # A worker that has come or gone in between is none to be refused: each case looks whether it may be there.
    both = found["workers"].keys() & of_workers
    theirs |= {f"its worker {name}": _packages(found["workers"][name], of_workers[name]) for name in sorted(both)}
    for name, packages in theirs.items():
        for package in (*_SHARED, "ramify"):
            its, ours = packages.get(package), here[package]
            # The scheduler computes nothing.
            if its != ours and (package != "numpy" or name != "its scheduler"):
                raise ValueError(
                    f"--cluster {cluster}: {name} has {package} {its or 'not at all'}, and this process {ours}; "
                    "install the same version everywhere"
                )


def _packages(found: Mapping[str, Any] | None, of_ours: str) -> dict[str, str | None]:
    """Versions that matter, of what `get_versions` says of a process, and of our own code there."""
    packages = dict((found or {}).get("packages") or {})
    python = str(packages.get("python") or "")
    # What is sent is read by every release of a Python.
    shared = {name: packages.get(name) for name in _SHARED} | {"python": ".".join(python.split(".")[:2])}
    return shared | {"ramify": of_ours}


def _line_of(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
