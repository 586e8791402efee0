"""What a fuzz test needs of a reader: how to make valid files, and how to read one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Reader:
    """One reader under test.

    name: how it is reported. file_name: what a damaged file is called (its suffix matters).
    valid: makes the valid files, as bytes; called once a process. read: reads the file at a path; it may return, or
    raise ValueError or OSError of one line.
    """

    name: str
    file_name: str
    valid: Callable[[], list[bytes]]
    read: Callable[[Path], object]
