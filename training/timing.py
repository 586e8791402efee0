"""What a training takes: seconds of its steps and validations, and memory; measured, and of no influence."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from ramify.processes.memory import peak_bytes

WARM_UP_STEPS, MEASURED_STEPS = 2, 5
"""Of the first steps, in which kernels are compiled and algorithms chosen, nothing is said of the others; the median
of those that follow is."""


class Timing:
    """The clock of a training.

    Args:
        device: on which it computes.
        clock: seconds.

    Attributes:
        step_seconds: what a step takes, with the wait for its batch; None until enough of them are done.
        validation_seconds: what the latest validation took; None until there was one.
    """

    def __init__(self, device: torch.device, clock: Callable[[], float] = time.perf_counter) -> None:
        self._device, self._clock = device, clock
        self.step_seconds: float | None = None
        self.validation_seconds: float | None = None
        self._first: list[float] = []
        self._since = clock()
        self._steps, self._seconds, self._validated = 0, 0.0, False

    def begin_epoch(self) -> None:
        """The steps of an epoch begin, or go on where a checkpoint was."""
        self._steps, self._seconds, self._validated = 0, 0.0, False
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        self._since = self._clock()

    def step_done(self) -> None:
        """A step is done. On a GPU it has waited for its gradient, which nothing but the update comes after."""
        now = self._clock()
        took, self._since = now - self._since, now
        self._steps, self._seconds = self._steps + 1, self._seconds + took
        if self.step_seconds is None:
            self._first.append(took)
            if len(self._first) == WARM_UP_STEPS + MEASURED_STEPS:
                self.step_seconds = statistics.median(self._first[WARM_UP_STEPS:])

    @contextmanager
    def validating(self) -> Iterator[None]:
        """A validation, in here."""
        began = self._clock()
        yield
        self.validation_seconds, self._validated = self._clock() - began, True

    def peak(self) -> tuple[str, int] | None:
        """Whose memory it is that the training needs, and its peak in bytes; None where the system does not tell.

        On a GPU what PyTorch gave out there since the epoch began; otherwise what the process has had so far.
        """
        if self._device.type == "cuda":
            return "device", torch.cuda.max_memory_allocated(self._device)
        peak = peak_bytes()
        return None if peak is None else ("process", peak)

    def row(self) -> dict[str, float | None]:
        """The epoch at hand: steps that were done since it began or was gone on with, their seconds, and the rest."""
        validated = self.validation_seconds if self._validated else None
        row: dict[str, float | None] = {
            "steps": self._steps,
            "training_seconds": round(self._seconds, 3),
            "validation_seconds": None if validated is None else round(validated, 3),
        }
        if peak := self.peak():
            row[f"peak_{peak[0]}_mb"] = round(peak[1] / 1e6, 1)
        return row
