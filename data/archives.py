"""Unpack the wanted part of a zip or tar archive, up to a limit and never outside its target."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from ramify.data.formats.unpack_limit import ARCHIVE, check_unpacked
from ramify.processes.temporary import ROOM_REMEDY

ARCHIVE_SUFFIXES = (".tar.xz", ".tar.gz", ".tar.bz2", ".tgz", ".tar", ".zip")
_LARGEST_READ = 1 << 26
"""Files are copied in small pieces; who reads more at once has been told of a header of that size."""
_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}


def archive_name(path: Path) -> str | None:
    """The name without its archive suffix, or None for what is no archive."""
    suffix = next((suffix for suffix in ARCHIVE_SUFFIXES if path.name.lower().endswith(suffix)), None)
    return path.name[: -len(suffix)] if suffix else None


def unpack(archive: Path, target: Path, wanted: Callable[[tuple[str, ...]], bool]) -> None:
    """Unpack the files whose path inside the archive, in parts, is wanted; nothing is ever written outside `target`.

    Raises ValueError that names an archive that is damaged, locked by a password, or unpacks to more than is allowed
    (data/formats/unpack_limit.py), OSError where the disk is at fault.
    """
    try:
        if archive.name.lower().endswith(".zip"):
            _unpack_zip(archive, target, wanted)
        else:
            _unpack_tar(archive, target, wanted)
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, ValueError) and str(error).startswith(f"{archive}: "):
            raise
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
            remedy = f"; {ROOM_REMEDY}" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
            said = f"{archive}: cannot be unpacked to {target} ({error.strerror}){remedy}"
            raise type(error)(error.errno, said) from None
        raise ValueError(f"{archive}: damaged archive ({reason}); get it again") from None


def _check(archive: Path, size: int) -> None:
    check_unpacked(archive, size, archive.stat().st_size, ARCHIVE)


def _unpack_zip(archive: Path, target: Path, wanted: Callable[[tuple[str, ...]], bool]) -> None:
    with zipfile.ZipFile(archive) as zipped:
        members = [
            member
            for member in zipped.infolist()
            if not member.is_dir() and wanted(PurePosixPath(member.filename).parts)
        ]
        # zipfile stops at the announced size of a member
        _check(archive, sum(member.file_size for member in members))
        for member in members:
            if member.flag_bits & 1:
                raise ValueError(f"{archive}: locked by a password; unpack it yourself")
            zipped.extract(member, target)


def _unpack_tar(archive: Path, target: Path, wanted: Callable[[tuple[str, ...]], bool]) -> None:
    # Members are taken as they come, so that a compressed archive is read once from front to back.
    with (
        archive.open("rb") as file,
        _unpacked(file) as stream,
        tarfile.open(fileobj=cast(BinaryIO, _Bounded(stream, archive)), mode="r:") as tar,
    ):
        size = 0
        for member in tar:
            if member.isfile() and wanted(PurePosixPath(member.name).parts):
                size += member.size  # holes in a sparse file take no place in the archive
                _check(archive, size)
                tar.extract(member, target, filter="data")


def _unpacked(file: BinaryIO) -> BinaryIO:
    """The tar in a file, by how the file begins and not by its name."""
    start = file.read(6)
    file.seek(0)
    if start[:2] == b"\x1f\x8b":
        return cast(BinaryIO, gzip.GzipFile(fileobj=file))
    if start[:3] == b"BZh":
        return cast(BinaryIO, bz2.BZ2File(file))
    return cast(BinaryIO, lzma.LZMAFile(file)) if start == b"\xfd7zXZ\0" else file


class _Bounded(io.RawIOBase):
    """A tar's stream, unpacked; ends with ValueError where it goes on beyond the limit."""

    def __init__(self, stream: BinaryIO, archive: Path) -> None:
        self._stream, self._archive = stream, archive
        self._limit = ARCHIVE.bytes_for(archive.stat().st_size)

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LARGEST_READ:
            raise ValueError(f"{self._archive}: damaged archive (a header of {size} bytes); get it again")
        self._check(self._stream.tell() + size)
        return self._stream.read(size)

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        self._check(place)
        return self._stream.seek(place, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def _check(self, place: int) -> None:
        if place > self._limit:
            _check(self._archive, place)
