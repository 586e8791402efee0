"""Unpack the wanted part of a zip or tar archive."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

ARCHIVE_SUFFIXES = (".tar.xz", ".tar.gz", ".tar.bz2", ".tgz", ".tar", ".zip")


def archive_name(path: Path) -> str | None:
    """The name without its archive suffix, or None for what is no archive."""
    suffix = next((suffix for suffix in ARCHIVE_SUFFIXES if path.name.lower().endswith(suffix)), None)
    return path.name[: -len(suffix)] if suffix else None


def unpack(archive: Path, target: Path, wanted: Callable[[tuple[str, ...]], bool]) -> None:
    """Unpack the files whose path inside the archive, in parts, is wanted; nothing is ever written outside `target`.

    Raises ValueError that names a damaged archive.
    """
    try:
        if archive.name.lower().endswith(".zip"):
            with zipfile.ZipFile(archive) as zipped:
                for name in zipped.namelist():
                    if not name.endswith("/") and wanted(PurePosixPath(name).parts):
                        zipped.extract(name, target)
        else:
            # Members are taken as they come, so that a compressed archive is read once from front to back ("r|*"
            # does that too, with small blocks: four times slower).
            with tarfile.open(archive, "r:*") as tar:
                for member in tar:
                    if member.isfile() and wanted(PurePosixPath(member.name).parts):
                        tar.extract(member, target, filter="data")
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError) as error:
        raise ValueError(f"{archive}: damaged archive ({error}); get it again") from None
