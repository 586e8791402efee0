"""How a worker is told to stop: at any moment of a training, but never in the middle of a word with the database."""

import contextlib
import os
from collections.abc import Iterator


class Interruption:
    """Ends a worker by a KeyboardInterrupt, at a moment that leaves nothing locked.

    Raised in the middle of a call to SQLite, the exception would leave a connection that keeps the file locked.

    Args:
        parent: process that the worker belongs to; without it, it ends too. None where there is no such process.
    """

    def __init__(self, parent: int | None = None) -> None:
        self._parent = parent
        self._asked = False
        self._at_once = False

    def ask(self, *_: object) -> None:
        """Stop as soon as may be; also a signal's handler."""
        self._asked = True
        if self._at_once:
            raise KeyboardInterrupt

    def check(self) -> None:
        """Raise KeyboardInterrupt, if this worker is to stop."""
        if self._asked or (self._parent is not None and os.getppid() != self._parent):
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """In here, the exception may come at any moment."""
        self._at_once = True
        try:
            self.check()
            yield
        finally:
            self._at_once = False

    @contextlib.contextmanager
    def not_now(self) -> Iterator[None]:
        """A part of what is in `at_once` that must not be broken off."""
        self._at_once = False
        self.check()
        yield
        self._at_once = True
        if self._asked:
            raise KeyboardInterrupt
