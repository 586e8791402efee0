"""Libraries that read files raise anything over a damaged one: here it becomes one error that names the file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

_LONGEST_REASON = 120


@contextlib.contextmanager
def naming_damage(path: Path, unsaid: type[Exception] | tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn whatever a library raises over a file into ValueError that names it.

    What names the file already, errors of the system and want of memory pass through as they are.

    unsaid: errors whose own words say no more than that the file is damaged; they are left out.
    """
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, ValueError) and str(error).startswith(f"{path}: "):
            raise
        if isinstance(error, OSError) and error.errno is not None:
            raise
        said = " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__
        reason = "" if isinstance(error, unsaid) else f" ({said})"
        raise ValueError(f"{path}: damaged or not a {path.suffix} file{reason}; get it again") from None
