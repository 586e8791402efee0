"""A log for what processes print that train beside one another."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ramify.disk.own_files import own


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
