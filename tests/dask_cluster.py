"""A real Dask scheduler with two workers on this machine, each a process of its own with its nanny."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
_PR_SET_PDEATHSIG = 1
_PATIENCE = 300.0
"""Seconds until a scheduler that does not come up is a failure, however busy the machine."""


@contextmanager
def running_cluster(folder: Path) -> Iterator[Path]:
    """The scheduler file, in a folder; whatever was started ends with it."""
    with running_scheduler(folder) as (file, _):
        workers = [dask(folder, "worker", "--nthreads", "1") for _ in range(2)]
        try:
            yield file
        finally:
            end(workers)


@contextmanager
def running_scheduler(folder: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """The scheduler file, in a folder, and the process of a scheduler alone."""
    file = folder / "scheduler.json"
    scheduler = dask(folder, "scheduler", "--port", "0")
    try:
        deadline = time.monotonic() + _PATIENCE
        while not file.is_file():
            assert scheduler.poll() is None, (folder / "scheduler.log").read_text(encoding="utf-8")
            assert time.monotonic() < deadline, "the scheduler did not come up"
            time.sleep(0.02)
        yield file, scheduler
    finally:
        end([scheduler])


def dask(folder: Path, part: str, *words: str) -> "subprocess.Popen[bytes]":
    """Start a part of a cluster, as on another machine: it finds Ramify, and stands in another folder."""
    here = ("--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(folder / "scheduler.json"))
    with (folder / f"{part}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", part, *words, *here],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )


def _end_with_parent() -> None:
    """A suite that is killed leaves no cluster behind, which would cost a tenth of a core for good."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def end(processes: "list[subprocess.Popen[bytes]]") -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait()
