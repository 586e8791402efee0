"""SIGTERM, SIGINT and SIGHUP end a command in good order: what was begun is cleaned up, what was saved is named."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Stopped(KeyboardInterrupt):
    """A signal asked the command to end; a KeyboardInterrupt, so that whatever ends at Ctrl-C ends at it too."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


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

    before = {each: signal.getsignal(each) for each in _ENDING}
    for each, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(each, stop)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def name_of(interrupt: KeyboardInterrupt) -> str:
    """The signal that an interruption came from."""
    return signal.Signals(number_of(interrupt)).name


def number_of(interrupt: KeyboardInterrupt) -> int:
    """The number of the signal that an interruption came from."""
    return interrupt.number if isinstance(interrupt, Stopped) else signal.SIGINT


@contextmanager
def saying_what_is_kept(saved: Callable[[], str]) -> Iterator[None]:
    """Add to an interruption in here what was saved, for the last line of the command."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(saved())
        raise


def last_words(interrupt: KeyboardInterrupt) -> str:
    """What a command says when it was interrupted."""
    notes = getattr(interrupt, "__notes__", [])
    return f"stopped by {name_of(interrupt)}" + (f": {'; '.join(notes)}" if notes else "")
