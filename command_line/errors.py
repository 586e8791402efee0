"""Bad input ends in one clear line on stderr and a non-zero exit, never in a traceback."""

import io
import os
import sys
from collections.abc import Callable

BAD_INPUT_EXIT_CODE = 2
INTERRUPTED_EXIT_CODE = 130


def describe(error: BaseException) -> str:
    """The error as one line; an OSError of the system names its file first."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    else:
        text = str(error) or type(error).__name__
    return " ".join(text.split())


def run(main: Callable[[], int | None]) -> None:
    """Call a script's main and exit with its code.

    A ValueError or OSError is bad input: it is printed as `error: …` on stderr, and the exit code is 2.
    Anything else is a fault of ours and keeps its traceback. RAMIFY_TRACEBACK=1 shows every traceback.
    Signs that the terminal's encoding lacks (± in a plain C locale) are printed as question marks.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        code = main() or 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = INTERRUPTED_EXIT_CODE
    except BrokenPipeError:
        # The reader of our output (head, less) is gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except (ValueError, OSError) as error:
        if os.environ.get("RAMIFY_TRACEBACK"):
            raise
        print(f"error: {describe(error)}", file=sys.stderr)
        code = BAD_INPUT_EXIT_CODE
    except Exception as error:
        # torch is not imported here: its class is told by name, so that scripts without torch stay quick.
        if type(error).__name__ != "OutOfMemoryError" or os.environ.get("RAMIFY_TRACEBACK"):
            raise
        print(f"error: out of GPU memory: use a smaller batch or patch ({describe(error)})", file=sys.stderr)
        code = BAD_INPUT_EXIT_CODE
    sys.exit(code)
