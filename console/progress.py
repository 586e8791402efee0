"""How far a piece of work is: a bar on a terminal, a line now and then in a log, nothing with --quiet."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Protocol, Self, TextIO, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")

QUIET_VARIABLE = "RAMIFY_QUIET"
"""Set to anything, no progress is shown; processes that a command starts inherit it."""
LOG_SECONDS = 30.0
"""Least time between two lines of progress in a log."""
_MINUTE, _HOUR = 60, 3600


class Progress(Protocol):
    """What follows a piece of work; a context manager."""

    def update(self, n: int = 1) -> object:
        """So many more steps are done."""

    def set_postfix_str(self, s: str = "", refresh: bool = True) -> object:
        """Show this beside the steps from now on."""

    def close(self) -> object:
        """The work is over."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> object: ...


def progress(
    description: str, total: int, unit: str, done: int = 0, *, from_all: bool = False, stays: bool = True
) -> Progress:
    """Progress of `total` steps on stderr, `done` of which were done before.

    from_all: take the time left from the mean of all steps; otherwise the latest ones count most.
    stays: a bar is still to be seen once the work is over; that of a part of another one's step is not.
    """
    if os.environ.get(QUIET_VARIABLE):
        return silent()
    if sys.stderr.isatty():
        smoothing = 0 if from_all else 0.3
        return tqdm(desc=description, total=total, initial=done, unit=unit, smoothing=smoothing, leave=stays)
    return LogLines(description, total, unit, done)


def silent() -> Progress:
    """Progress that is not shown."""
    return tqdm(disable=True)


def followed(items: Iterable[Item], description: str, unit: str, total: int | None = None) -> Iterator[Item]:
    """The items one by one, with the progress over them shown.

    total: how many there are, where `items` cannot tell.
    """
    count = total if total is not None else len(items)  # type: ignore[arg-type]
    with progress(description, count, unit) as shown:
        for item in items:
            yield item
            shown.update()


def say(line: str, *, error: bool = False) -> None:
    """A line of its own, above a bar that moves."""
    tqdm.write(line, file=sys.stderr if error else sys.stdout)


def announce(line: str) -> None:
    """A line on stderr about what goes on, where progress is shown; an empty one is none."""
    if line and not os.environ.get(QUIET_VARIABLE):
        say(line, error=True)


def postfix(values: Mapping[str, float]) -> str:
    """Values as they stand beside a bar."""
    return ", ".join(f"{name}={value:.3g}" for name, value in values.items())


class LogLines:
    """Progress as whole lines: at most one in `LOG_SECONDS`, and one at the end of what took longer than that."""

    def __init__(
        self,
        description: str,
        total: int,
        unit: str,
        done: int = 0,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._description, self._total, self._unit = description, total, unit
        self._before = self._done = done
        self._stream = stream or sys.stderr
        self._clock = clock
        self._began = self._written = clock()
        self._postfix = ""
        self._open = True

    def update(self, n: int = 1) -> None:
        self._done += n
        if self._done < self._total:
            self._write_if_due()

    def set_postfix_str(self, s: str = "", refresh: bool = True) -> None:
        self._postfix = s
        if refresh:
            self._write_if_due()

    def close(self) -> None:
        if self._open and self._done > self._before and self._clock() - self._began >= LOG_SECONDS:
            self._write()
        self._open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write_if_due(self) -> None:
        if self._done > self._before and self._clock() - self._written >= LOG_SECONDS:
            self._write()

    def _write(self) -> None:
        self._written = self._clock()
        passed, new = self._written - self._began, self._done - self._before
        told = f"{self._description}: {self._done} of {self._total} {self._unit}s in {duration(passed)}"
        if self._done < self._total:
            told += f", about {duration(passed / new * (self._total - self._done))} left"
        print(told + (f" ({self._postfix})" if self._postfix else ""), file=self._stream, flush=True)


def duration(seconds: float) -> str:
    """Seconds in words: 12 s, 3 min 20 s, 2 h 05 min."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"
