"""Text that a terminal prints and does not obey: names of files and cases may hold control characters."""

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# A bar takes its line away with a return at its beginning, and the one below it by moving up.
_OF_A_BAR = re.compile(r"\r|\n*(?:\x1b\[A)*")


def plain(text: str) -> str:
    """The text with every control character but line feed and tab as its code, such as \\x1b.

    Marks that turn the direction of writing around count as control characters: they can hide what a name is.
    """
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


class PlainText(io.TextIOWrapper):
    """A stream that shows control characters as their codes, but for what a progress bar moves the cursor with.

    Signs that the encoding lacks are written as question marks.
    """

    def write(self, text: str, /) -> int:
        bar = _OF_A_BAR.match(text)
        start = bar.end() if bar else 0
        # A bar that is taken away ends with a return.
        end = len(text) - (len(text) > start and text.endswith("\r") and not text[start:-1].strip())
        super().write(text[:start] + plain(text[start:end]) + text[end:])
        return len(text)


@contextmanager
def plain_output() -> Iterator[None]:
    """Let everything that is printed in here, on stdout or stderr, be plain."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_plain_stream(stream) for stream in before)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, PlainText):
                # The buffer belongs to the original: a stream that is forgotten closes its own. Whoever reads our
                # output may be gone by now.
                with suppress(OSError):
                    stream.flush()
                with suppress(OSError):
                    stream.detach()
        sys.stdout, sys.stderr = before


def _plain_stream(stream: TextIO) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.flush()
    return PlainText(stream.buffer, stream.encoding, "replace", "", stream.line_buffering, write_through=True)
