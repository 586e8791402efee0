"""Bad input ends in one clear line on stderr and a non-zero exit, never in a traceback."""

import os
import sys
from collections.abc import Callable, Sequence
from types import TracebackType

from ramify.console.error_line import line_of, out_of_memory
from ramify.console.passwords import without_passwords
from ramify.console.plain_text import plain_output
from ramify.console.signals import last_words, number_of, signals_stop

BAD_INPUT_EXIT_CODE = 2
SIGNAL_EXIT_CODE = 128
"""Added to the number of the signal that ended a command, as shells do."""


class SeveralErrors(ValueError):
    """Bad input in more than one place: a line each."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = tuple(lines)


def interrupts_end_in_a_line() -> None:
    """Show Ctrl-C as a line rather than a traceback where no `run` is there to answer it."""

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, KeyboardInterrupt) and not os.environ.get("RAMIFY_TRACEBACK"):
            print(last_words(error), file=sys.stderr)
        else:
            sys.__excepthook__(kind, error, trace)

    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = show


def run(main: Callable[[], int | None]) -> None:
    """Call a script's main and exit with its code.

    A ValueError or OSError is bad input: it is printed as `error: …` on stderr, and the exit code is 2.
    SIGINT, SIGTERM and SIGHUP end in one line that names the signal and what was saved, and in 128 + their number.
    Anything else is a fault of ours and keeps its traceback. RAMIFY_TRACEBACK=1 shows every traceback.
    Signs that the terminal's encoding lacks (± in a plain C locale) are printed as question marks, and control
    characters, which names of files may hold, as their codes.
    """
    with plain_output(), signals_stop():
        code = _exit_code(main)
    sys.exit(code)


def _exit_code(main: Callable[[], int | None]) -> int:
    try:
        return main() or 0
    except KeyboardInterrupt as interrupt:
        print(last_words(interrupt), file=sys.stderr)
        return SIGNAL_EXIT_CODE + number_of(interrupt)
    except BrokenPipeError:
        # The reader of our output (head, less) is gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError) as error:
        if os.environ.get("RAMIFY_TRACEBACK"):
            raise
        for line in map(without_passwords, error.lines) if isinstance(error, SeveralErrors) else [line_of(error)]:
            print(f"error: {line}", file=sys.stderr)
        return BAD_INPUT_EXIT_CODE
    except Exception as error:
        if not out_of_memory(error) or os.environ.get("RAMIFY_TRACEBACK"):
            raise
        print(f"error: {_want_of_memory(error)}", file=sys.stderr)
        return BAD_INPUT_EXIT_CODE


def _want_of_memory(error: Exception) -> str:
    """What to do where memory ran out."""
    if type(error).__name__ == "OutOfMemoryError":
        return f"out of GPU memory: use a smaller batch or patch ({line_of(error)})"
    return "out of memory: use fewer --workers, a smaller patch or a smaller grid"
