"""A block of numbers out of a file, packed or not: whole, finite, and no bigger than announced."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from data.unpack_limit import check_unpacked

_CHUNK = 1 << 20
_SURPLUS = 1024
"""Bytes a file may hold beyond what its header announces: some programs fill up their last block."""
_MOST_BY_DEFLATE = 1100
"""No stream of deflate unpacks to more than 1,032 times its size."""


def read_voxels(stream: BinaryIO, shape: Sequence[int], dtype: DTypeLike, path: Path) -> NDArray:
    """Fill an array of `shape` from a stream up to the stream's end; the array has the machine's byte order.

    Raises ValueError that names the file: too short or too long for its header, packed data damaged, too big to
    unpack, NaN or infinite numbers.
    """
    stored = np.dtype(dtype)
    size = stored.itemsize * voxel_count(shape)
    check_unpacked(path, size)
    array = np.empty(shape, stored)
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


def voxel_count(shape: Sequence[int]) -> int:
    """Product of the sizes as a Python number, which knows no overflow."""
    count = 1
    for size in shape:
        count *= int(size)
    return count


def check_finite(array: NDArray, path: Path) -> None:
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
    """What a stream holds, unpacked: packing is "raw", "gzip" or "bzip2"."""
    if packing == "gzip":
        return cast(BinaryIO, gzip.GzipFile(fileobj=stream))
    return cast(BinaryIO, bz2.BZ2File(stream)) if packing == "bzip2" else stream


def _short(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
