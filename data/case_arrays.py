"""The arrays of a prepared case: one file each, held against what the case's record says of it."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.data.case_record import ArrayRecord, Labels, check_values
from ramify.disk.digests import WHOLE_BYTES, fingerprint, sampled_fingerprint


@functools.lru_cache(maxsize=1 << 16)
def check_array(path: Path, its: ArrayRecord, labels: Labels, state: tuple[int, ...]) -> None:
    """Hold an array's file against its record, once a state of it: whole up to WHOLE_BYTES, else by samples.

    labels: those of the case. state: of the file, as `disk.digests.state_of` gives it.
    Raises ValueError that names the array, OSError where it cannot be read.
    """
    small = state[0] <= WHOLE_BYTES
    expected = its.sha256 if small else its.sampled
    if expected is not None and (fingerprint if small else sampled_fingerprint)(path) != expected:
        raise ValueError(f"{path.name} is not what was written; its SHA-256 differs")
    if small:
        check_values(path.stem, open_array(path, its), labels)


def open_array(path: Path, its: ArrayRecord) -> NDArray[Any]:
    """The array in a file, mapped into memory; raises ValueError where it is not of the recorded type and shape."""
    # NumPy cannot map an array without elements.
    try:
        array: NDArray[Any] = np.load(path, mmap_mode=None if 0 in its.shape else "r", allow_pickle=False)
    except (ValueError, EOFError):
        raise ValueError(f"{path.name} is no whole array") from None
    if (array.dtype.str, array.shape) != (its.dtype, its.shape):
        raise ValueError(
            f"{path.name} is {array.dtype.str} {list(array.shape)}, recorded as {its.dtype} {list(its.shape)}"
        )
    return array


def write_array(path: Path, array: NDArray[Any]) -> dict[str, Any]:
    """Write an array and wait until the disk has it; what its record says of it."""
    with path.open("wb") as stream:
        np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)
        stream.flush()
        os.fsync(stream.fileno())
    described: dict[str, Any] = {"dtype": array.dtype.str, "shape": list(array.shape), "sha256": fingerprint(path)}
    if path.stat().st_size > WHOLE_BYTES:
        described["sampled"] = sampled_fingerprint(path)
    return described
