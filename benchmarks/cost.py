"""Time and peak memory of a call, on the CPU or on CUDA."""

import ctypes
import gc
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar

from ramify.processes.memory import peak_bytes

LINUX_RESET = Path("/proc/self/clear_refs")
Given = ParamSpec("Given")
Result = TypeVar("Result")


class Cost(NamedTuple):
    """Median time of a call, and the peak of memory above what was there before the first."""

    seconds: float
    mebibytes: float


def in_own_process(function: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
    """The result of a call in a new process, which has a peak of memory of its own."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *args, **kwargs).result()


def cost_of(call: Callable[[], object], repeats: int, device: str = "cpu") -> Cost:
    """Call several times; whatever has to be loaded or compiled should have been before.

    On the CPU the peak is that of resident memory, on CUDA that of the memory torch has given out.
    """
    if device == "cuda":
        return _cost_on_cuda(call, repeats)
    before = _start_of_peak()
    seconds = [_seconds(call)]
    # Later calls find the memory that the first one gave back, and would add nothing.
    peak = _peak_mebibytes() - before
    seconds += [_seconds(call) for _ in range(repeats - 1)]
    return Cost(statistics.median(seconds), peak)


def synchronised(call: Callable[[], object], device: str) -> Callable[[], object]:
    """The call with all that it starts on the device."""
    if device != "cuda":
        return call
    import torch

    def finished() -> None:
        call()
        torch.cuda.synchronize()

    return finished


def alternating_seconds(
    calls: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Time of each call in every round, in which all are called once: a machine that slows down does so for all."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            seconds[name].append(_seconds(call, clock))
    return seconds


def _seconds(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    start = clock()
    call()
    return clock() - start


def _cost_on_cuda(call: Callable[[], object], repeats: int) -> Cost:
    import torch

    finished = synchronised(call, "cuda")
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    seconds = [_seconds(finished) for _ in range(repeats)]
    return Cost(statistics.median(seconds), (torch.cuda.max_memory_allocated() - before) / 2**20)


def _start_of_peak() -> float:
    """Forget the peak so far where the system can, and return the peak from here on."""
    gc.collect()
    if LINUX_RESET.exists():
        # What was freed and is still kept for later would hide as much of the peak.
        ctypes.CDLL(None).malloc_trim(0)
        LINUX_RESET.write_text("5")
    return _peak_mebibytes()


def _peak_mebibytes() -> float:
    peak = peak_bytes()
    assert peak is not None, "of systems that tell"
    return peak / 2**20
