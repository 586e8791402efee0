"""Files that appear whole or not at all: written under a temporary name, then renamed."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ramify.disk.own_files import put
from ramify.disk.part_files import part_of


def write_whole(path: Path, content: bytes | memoryview | str) -> None:
    """Write a file whole, in place of an older one of Ramify's, and wait until the disk has it; its folder is made.

    Raises:
        ValueError: the older one is the user's, or was changed since Ramify wrote it.
        OSError: the disk is full or the folder cannot be written, in one line with the remedy; an older file stays.
    """
    # A file name in a text may hold bytes that are not UTF-8; they stay what they were.
    data = content.encode("utf-8", errors="surrogateescape") if isinstance(content, str) else content
    temporary = part_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        put(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        free = shutil.disk_usage(next(parent for parent in path.absolute().parents if parent.exists())).free
        raise type(error)(
            f"{path}: {len(data) / 1e6:.1f} MB could not be written ({error.strerror or error}; "
            f"{free / 1e6:.0f} MB free): free some space or choose another output"
        ) from None
    finally:
        # Where the folder could not be made there is nothing to remove.
        with contextlib.suppress(OSError):
            temporary.unlink()


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a power cut; only POSIX systems can and need to."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def naming_path(path: Path, remedy: str) -> Iterator[None]:
    """Turn the system's errors into one line with the path we mean and the remedy."""
    try:
        yield
    except OSError as error:
        raise type(error)(f"{path}: {error.strerror or error}; it {remedy}") from None
