"""What processes need that train beside one another: their share of the cores and a log."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ramify.disk.own_files import own


def thread_share(workers: int) -> int:
    """Threads for each of some workers; never more than OMP_NUM_THREADS says, where it is set."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores // workers, int(given) if given.isdecimal() and int(given) else cores))


@contextmanager
def worker_environment(threads: int, **more: str) -> Iterator[None]:
    """The environment that a worker's process is to be started in; put back afterwards.

    Args:
        threads: of its arithmetic.
        more: further variables.
    """
    variables = {
        # Read when the libraries are loaded, so they must be there before the process is. Torch processes with more
        # threads than cores between them wait for one another: two of two threads on two cores, ten times as long.
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        **more,
    }
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def print_to(log: Path) -> None:
    """Let everything this process and its libraries print go to the end of a file, from now on.

    Signs that the locale lacks are written as their codes: a name that is printed must not fail a training.

    Raises OSError where the file cannot be written, ValueError where it is the user's; its folder is made.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    own(log)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
        os.dup2(descriptor, stream.fileno())
    os.close(descriptor)


@contextmanager
def printing_to(log: Path) -> Iterator[None]:
    """As `print_to`, in here alone."""
    streams = (sys.stdout, sys.stderr)
    before = [os.dup(stream.fileno()) for stream in streams]
    try:
        print_to(log)
        yield
    finally:
        for stream, original in zip(streams, before):
            stream.flush()
            os.dup2(original, stream.fileno())
            os.close(original)
