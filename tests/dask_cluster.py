"""A real Dask scheduler with two workers on this machine, each a process of its own with its nanny."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
_PATIENCE = 300.0
"""Seconds until a scheduler that does not come up is a failure, however busy the machine."""


@contextmanager
def running_cluster(folder: Path) -> Iterator[Path]:
    """The scheduler file, in a folder; whatever was started ends with it."""
    file = folder / "scheduler.json"
    # Like the machines of a cluster: they find Ramify, and stand in another folder.
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    here = ("--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file))
    parts = [("scheduler", "--port", "0"), ("worker", "--nthreads", "1"), ("worker", "--nthreads", "1")]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for part in parts:
            log = (folder / f"{part[0]}-{len(processes)}.log").open("wb")
            command = [sys.executable, "-m", "dask", *part, *here]
            with log:
                processes.append(
                    subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
                )
        deadline = time.monotonic() + _PATIENCE
        while not file.is_file():
            assert processes[0].poll() is None, (folder / "scheduler-0.log").read_text(encoding="utf-8")
            assert time.monotonic() < deadline, "the scheduler did not come up"
            time.sleep(0.02)
        yield file
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            process.wait()
