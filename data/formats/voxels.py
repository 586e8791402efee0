"""A block of numbers out of a file, packed or not: whole, finite, and no bigger than announced."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ramify.data.formats.unpack_limit import check_memory

_CHUNK = 1 << 20
_SURPLUS = 1024
"""Bytes a file may hold beyond what its header announces: some programs fill up their last block."""
_LONGEST_NUMBER = 40
_MOST_BY_DEFLATE = 1100
"""No stream of deflate unpacks to more than 1,032 times its size."""


def read_voxels(stream: BinaryIO, shape: Sequence[int], dtype: DTypeLike, path: Path) -> NDArray[Any]:
    """Fill an array of `shape` from a stream up to the stream's end; the array has the machine's byte order.

    Raises ValueError that names the file: too short or too long for its header, packed data damaged, too big to
    unpack, NaN or infinite numbers.
    """
    stored = np.dtype(dtype)
    size = stored.itemsize * voxel_count(shape)
    check_memory(path, size)
    try:
        array = np.empty(shape, stored)
    except MemoryError:
        raise ValueError(f"{path}: no memory is left for its {size / 1e9:.1f} GB of voxels") from None
    target = memoryview(array.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
    filled = 0
    with whole_stream(path):
        while filled < size and (count := stream.readinto(target[filled : filled + _CHUNK])):  # type: ignore[attr-defined]
            filled += count
        surplus = 0
        while surplus <= _SURPLUS and (rest := stream.read(_CHUNK)):
            surplus += len(rest)
    if filled < size:
        raise ValueError(f"{path}: truncated: {filled} bytes of voxels where its header announces {size}; get it again")
    if surplus > _SURPLUS:
        raise ValueError(f"{path}: holds more than the {size} bytes of voxels its header announces; get it again")
    if not stored.isnative:
        array = array.byteswap(inplace=True).view(stored.newbyteorder("="))
    check_finite(array, path)
    return array


def scaled(array: NDArray[Any], slope: float, intercept: float, path: Path) -> NDArray[Any]:
    """slope * array + intercept: as stored where that changes nothing, else float32 (float64 for wide numbers).

    Raises ValueError that names the file where values become infinite.
    """
    if slope == 1 and intercept == 0:
        return array
    narrow = array.dtype.itemsize <= 2 or array.dtype == np.float32
    values: NDArray[np.floating[Any]] = array.astype(np.float32 if narrow else np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        values *= slope
        values += intercept
    check_finite(values, path)
    return values


def voxel_count(shape: Sequence[int]) -> int:
    """Product of the sizes as a Python number, which knows no overflow."""
    count = 1
    for size in shape:
        count *= int(size)
    return count


def check_finite(array: NDArray[Any], path: Path) -> None:
    """Raise ValueError that counts the NaN and infinite numbers of a real array, looking at a little at a time."""
    if array.dtype.kind != "f":
        return
    flat = array.reshape(-1)
    bad = sum(
        flat[start : start + _CHUNK].size - int(np.isfinite(flat[start : start + _CHUNK]).sum())
        for start in range(0, flat.size, _CHUNK)
    )
    if bad:
        raise ValueError(f"{path}: {bad} voxels are NaN or infinite; repair the image")


def check_packed_size(path: Path, packed: int, unpacked: int) -> None:
    """Raise ValueError where `packed` bytes of deflate cannot hold the bytes that are announced."""
    if unpacked > packed * _MOST_BY_DEFLATE + _CHUNK:
        raise ValueError(f"{path}: {packed} bytes cannot hold the {unpacked} its header announces; get it again")


@contextlib.contextmanager
def whole_stream(path: Path) -> Iterator[None]:
    """Turn what decompression says of damage into ValueError that names the file."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: truncated or damaged ({_short(error)}); get the file again") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise ValueError(f"{path}: truncated or damaged ({_short(error)}); get the file again") from None


def open_packed(stream: BinaryIO, packing: str) -> BinaryIO:
    """What a stream holds, unpacked: packing is "raw", "gzip", "bzip2" or "zlib"."""
    if packing == "gzip":
        return cast(BinaryIO, gzip.GzipFile(fileobj=stream))
    if packing == "zlib":
        return cast(BinaryIO, io.BufferedReader(_Inflated(stream), _CHUNK))
    return cast(BinaryIO, bz2.BZ2File(stream)) if packing == "bzip2" else stream


class _Inflated(io.RawIOBase):
    """A zlib or gzip stream, unpacked a piece at a time."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        piece = b""
        while not piece and not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._stream.read(_CHUNK)
            if not packed:
                raise EOFError("packed data ends before its end mark")
            piece = self._inflate.decompress(packed, len(target))
        target[: len(piece)] = piece
        return len(piece)


def text_numbers(stream: BinaryIO, shape: Sequence[int], dtype: DTypeLike, path: Path) -> NDArray[Any]:
    """An array of `shape` from numbers as text, up to the stream's end.

    Raises ValueError that names the file: not as many as announced, not of that type, NaN or infinite.
    """
    stored = np.dtype(dtype)
    words = stream.read(_LONGEST_NUMBER * voxel_count(shape) + 1).split()
    if len(words) != voxel_count(shape):
        raise ValueError(
            f"{path}: {len(words)} numbers as text where its header announces {voxel_count(shape)}; get it again"
        )
    try:
        array = np.array([float(word) if stored.kind == "f" else int(word) for word in words], stored.newbyteorder("="))
    except (ValueError, OverflowError) as error:
        reason = str(error)[:60]
        raise ValueError(f"{path}: holds no numbers of type {stored} as text ({reason}); get it again") from None
    check_finite(array, path)
    return array.reshape(shape)


def _short(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
