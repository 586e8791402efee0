"""SIGTERM, SIGINT and SIGHUP end a command in good order: what was begun is cleaned up, what was saved is named."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

_ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Stopped(KeyboardInterrupt):
    """A signal asked the command to end; a KeyboardInterrupt, so that whatever ends at Ctrl-C ends at it too."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number

    @classmethod
    def by(cls, name: str, kept: str) -> "Stopped":
        """Stopped by the signal of that name, and what was kept."""
        stopped = cls(signal.Signals[name])
        stopped.add_note(kept)
        return stopped


@contextmanager
def signals_stop() -> Iterator[None]:
    """Raise `Stopped` where SIGTERM (of SLURM, docker stop, kill) or SIGHUP (a closed terminal) arrives in here.

    A signal that was set to be ignored stays ignored, as SIGHUP under nohup.
    """

    def stop(number: int, _: FrameType | None) -> None:
        # A second one must not cut short what the first one makes us finish.
        for each in _ENDING:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    with _handled(_ENDING, stop):
        yield


@contextmanager
def _handled(numbers: Sequence[signal.Signals], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Let a handler answer signals in here, those that are ignored aside."""
    before = {each: signal.getsignal(each) for each in numbers}
    for each, its in before.items():
        if its is not signal.SIG_IGN:
            signal.signal(each, handler)
    try:
        yield
    finally:
        for each, its in before.items():
            signal.signal(each, its)


def name_of(interrupt: KeyboardInterrupt) -> str:
    """The signal that an interruption came from."""
    return signal.Signals(number_of(interrupt)).name


def number_of(interrupt: KeyboardInterrupt) -> int:
    """The number of the signal that an interruption came from."""
    return interrupt.number if isinstance(interrupt, Stopped) else signal.SIGINT


@contextmanager
def saying_what_is_kept(saved: Callable[[], str]) -> Iterator[None]:
    """Add to an interruption in here what was saved, for the last line of the command.

    Where something further in has said so already, that stays all that is said.
    """
    try:
        yield
    except KeyboardInterrupt as interrupt:
        if not getattr(interrupt, "__notes__", ()):
            interrupt.add_note(saved())
        raise


def last_words(interrupt: KeyboardInterrupt) -> str:
    """What a command says when it was interrupted."""
    notes = getattr(interrupt, "__notes__", [])
    return f"stopped by {name_of(interrupt)}" + (f": {'; '.join(notes)}" if notes else "")


@contextmanager
def stop_at_a_good_moment() -> Iterator[Callable[[], str | None]]:
    """What tells whether to stop: the name of the first SIGTERM, SIGINT or SIGHUP in here, or None.

    For work that may only be left at certain moments. A second Ctrl-C ends it at once; a line says so at the first.
    """
    asked: list[str] = []

    def ask(number: int, _: FrameType | None) -> None:
        if asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.append(signal.Signals(number).name)
        if len(asked) == 1:
            # Past Python's own streams: the signal may have come amid a line that is written to them.
            with suppress(OSError):
                os.write(2, f"\n{asked[0]}: stopping as soon as may be; Ctrl-C now ends it at once\n".encode())

    with _handled((*_ENDING, signal.SIGINT), ask):
        yield lambda: asked[0] if asked else None
