"""Arrays of zeros that take memory only where they are written to, as maps of vessels in a large volume are."""

import mmap
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

SMALL_BYTES = 1 << 26


def sparse_zeros(shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
    """`numpy.zeros`, of which a page of 4 KB is taken when it is written to first.

    NumPy asks for pages of 2 MB, which is quick for what is filled, and of a map of few vessels takes all of it.

    Examples:
        >>> from ramify.vessels.sparse_zeros import sparse_zeros
        >>> sparse_zeros((2, 3), bool).any().item()
        False
    """
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if size < SMALL_BYTES or not hasattr(mmap, "MAP_PRIVATE"):
        return np.zeros(shape, dtype)
    pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        pages.madvise(mmap.MADV_NOHUGEPAGE)
    # Through a view: what gives back the memory of arrays in files knows these by their map, and this is in none.
    return np.frombuffer(memoryview(pages), dtype).reshape(shape)
