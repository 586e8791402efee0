"""Arrays that may be larger than memory: small ones lie in it, large ones in a file, and all are gone over in slabs.

A slab is a run of slices along an array's first axis. What goes over arrays by slabs takes the memory of one slab,
whether they are in a file or not.
"""

from __future__ import annotations

import errno
import math
import mmap
import os
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ramify.processes.temporary import ROOM_REMEDY

IN_MEMORY_BYTES = 1 << 29
"""Arrays of more lie in a file."""
SLAB_BYTES = 1 << 26
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def zeros(shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
    """An array of zeros, in memory or in a file of the system's folder for temporary ones (TMPDIR).

    The file has no name: it goes with the array, and with the process however that ends. Raises OSError where the disk
    has no room.

    Examples:
        >>> import numpy as np
        >>> from ramify.data.large_arrays import zeros
        >>> zeros((2, 3), np.uint8).tolist()
        [[0, 0, 0], [0, 0, 0]]
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size <= IN_MEMORY_BYTES:
        return np.zeros(shape, dtype)
    try:
        with tempfile.TemporaryFile(prefix="ramify-") as file:
            _reserve(file.fileno(), size)
            return np.asarray(np.memmap(file, dtype, "w+", shape=tuple(shape)))
    except OSError as error:
        raise OSError(
            f"{tempfile.gettempdir()}: no room for {size / 1e9:.1f} GB of a large volume ({error.strerror or error}); "
            f"{ROOM_REMEDY}"
        ) from None


def slabs(array: NDArray[Any], *others: NDArray[Any], row_bytes: float = 0) -> Iterator[slice]:
    """Slices that go over the first axis of an array, a slab each.

    Once a slab is done with, the system has back what memory it took of arrays in files.

    Args:
        array: gone over, with at least one axis.
        others: what is looked at beside it, in files perhaps.
        row_bytes: that one slice takes, where that is more than the array's own.

    Examples:
        >>> import numpy as np
        >>> from ramify.data.large_arrays import slabs
        >>> [*slabs(np.zeros((3, 4)), row_bytes=2**26)]
        [slice(0, 1, None), slice(1, 2, None), slice(2, 3, None)]
    """
    least = array.itemsize * math.prod(array.shape[1:])
    rows = max(1, int(SLAB_BYTES // max(1, least, row_bytes)))
    for start in range(0, len(array), rows):
        yield slice(start, min(start + rows, len(array)))
        release(array, *others)


def release(*arrays: NDArray[Any]) -> None:
    """Give the system the memory back that arrays in files took when they were looked at; what is in them stays."""
    for array in arrays:
        owner: Any = array
        while isinstance(owner, np.ndarray):
            owner = owner.base
        if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            owner.madvise(mmap.MADV_DONTNEED)


def extremes(array: NDArray[Any]) -> tuple[Any, Any]:
    """The least and the greatest value of an array."""
    found = [(array[rows].min(), array[rows].max()) for rows in slabs(array)]
    return min(low for low, _ in found), max(high for _, high in found)


def _reserve(descriptor: int, size: int) -> None:
    """Take the room on the disk now: a full one, met when the array is written to, would end the process."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise
