"""How far an experiment is, and how long it will take: a line that moves on a terminal, a line a run anywhere."""

import math
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

from ramify.experiments.plan import Run
from ramify.experiments.runs import Ending, Stopwatch, epochs_done

MINUTE, HOUR = 60.0, 3600.0
_CLEAR = "\r\033[K"


class StatusLine:
    """Follows the runs of an experiment.

    Args:
        runs: all of them.
        workers: how many are at work at a time.
        stream: where to write.
    """

    def __init__(self, runs: Sequence[Run], workers: int, stream: TextIO | None = None) -> None:
        self._left = {run.name: run for run in runs}
        self._all, self._failed, self._workers = len(runs), 0, workers
        self._seconds: dict[str, float] = {}
        self._epochs: dict[str, int] = {}
        self._stream = stream or sys.stderr
        self._moves = self._stream.isatty()

    def take(self, run: Run, ending: Ending) -> None:
        """A run has ended, now or in an earlier session."""
        self._left.pop(run.name, None)
        self._failed += ending.state == "failed"
        if ending.state == "finished" and ending.epochs:
            self._add(run.variant, ending.seconds, ending.epochs)

    def tell(self, line: str) -> None:
        """A line of its own, above the one that moves."""
        print(f"{_CLEAR if self._moves else ''}{line}", file=self._stream, flush=True)

    def show(self, at_work: Mapping[str, Stopwatch]) -> None:
        """Renew the line that moves; at_work: name of a run -> its watch."""
        # Workers of a cluster come and go.
        self._workers = max(self._workers, len(at_work))
        if self._moves:
            # A line that is wrapped could not be taken away again.
            shown = self.line(at_work)[: shutil.get_terminal_size().columns - 1]
            print(f"{_CLEAR}{shown}", end="", file=self._stream, flush=True)

    def close(self) -> None:
        """Take away the line that moves."""
        if self._moves:
            print(_CLEAR, end="", file=self._stream, flush=True)

    def line(self, at_work: Mapping[str, Stopwatch]) -> str:
        """Where the experiment is, in one line."""
        failed = f", {self._failed} failed" if self._failed else ""
        ended = self._all - len(self._left)
        doing = "; ".join(f"{name}: epoch {epochs_done(self._left[name])}" for name in at_work if name in self._left)
        seconds = self.seconds_left(at_work)
        left = "" if math.isnan(seconds) else f", about {duration(seconds)} left"
        return f"{ended} of {self._all} runs{failed}{left}" + (f" ({doing})" if doing else "")

    def seconds_left(self, at_work: Mapping[str, Stopwatch]) -> float:
        """From the seconds an epoch that each variant took so far; NaN before any is known."""
        seconds, epochs = dict(self._seconds), dict(self._epochs)
        for name, watch in at_work.items():
            if name in self._left and watch.epochs:
                variant = self._left[name].variant
                seconds[variant] = seconds.get(variant, 0.0) + watch.seconds
                epochs[variant] = epochs.get(variant, 0) + watch.epochs
        rates = {variant: seconds[variant] / epochs[variant] for variant in seconds}
        if not self._left:
            return 0.0
        if not rates:
            return math.nan
        usual = sum(rates.values()) / len(rates)
        work = [
            max(0, run.settings.train.epochs - epochs_done(run)) * rates.get(run.variant, usual)
            for run in self._left.values()
        ]
        # Never less than the longest run: it cannot be shared.
        return max(sum(work) / min(self._workers, len(work)), max(work))

    def _add(self, variant: str, seconds: float, epochs: int) -> None:
        self._seconds[variant] = self._seconds.get(variant, 0.0) + seconds
        self._epochs[variant] = self._epochs.get(variant, 0) + epochs


def duration(seconds: float) -> str:
    """Seconds in the unit a person would use."""
    if seconds < 1.5 * MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.0f} min" if seconds < 1.5 * HOUR else f"{seconds / HOUR:.1f} h"
