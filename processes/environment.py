"""The environment that processes are started in: how many threads each may use, and what else it is to find."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

THREAD_LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)
"""Read by the libraries when they are loaded, so they must be there before the process is."""


def thread_share(workers: int) -> int:
    """Threads for each of some workers; never more than OMP_NUM_THREADS says, where it is set."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores // workers, int(given) if given.isdecimal() and int(given) else cores))


def limited_to(threads: int) -> dict[str, str]:
    """The variables of a process that trains with so many threads.

    Torch processes with more threads than cores between them wait for one another: two of two threads on two cores, ten
    times as long.
    """
    return {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}


def single_threaded() -> dict[str, str]:
    """The variables of a process whose arithmetic has one thread; a limit that the user has set stays."""
    return {name: "1" for name in THREAD_LIMITS if name not in os.environ}


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables in here; put back afterwards."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
