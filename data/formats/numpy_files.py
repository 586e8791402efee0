"""Arrays of NumPy: one in a .npy file, several by name in a .npz archive."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.data.formats.damage import naming_damage
from ramify.data.formats.unpack_limit import check_memory, check_unpacked

_MEMBER = ".npy"


def numpy_keys(path: Path) -> list[str]:
    """The arrays of an archive by name; none for a file of one array. Raises ValueError that names a damaged file."""
    if path.suffix.lower() != ".npz":
        return []
    with naming_damage(path), zipfile.ZipFile(path) as archive:
        return [name.removesuffix(_MEMBER) for name in archive.namelist() if name.endswith(_MEMBER)]


def read_numpy(path: Path, key: str = "") -> NDArray[Any]:
    """An array of numbers; key: its name in an archive. Objects, which could run code, are refused.

    Raises ValueError or OSError that names the file: damaged, no such array, too big, no numbers.
    """
    if not key:
        with naming_damage(path):
            mapped = np.load(path, mmap_mode="r", allow_pickle=False)
            check_memory(path, mapped.nbytes)
            return np.array(mapped)
    keys = numpy_keys(path)
    if key not in keys:
        raise ValueError(f"{path}: holds no array {key!r}; it has {', '.join(keys[:8]) or 'none'}")
    with naming_damage(path), zipfile.ZipFile(path) as archive:
        size = archive.getinfo(key + _MEMBER).file_size
        check_unpacked(path, size, path.stat().st_size)
        check_memory(path, size)
        with archive.open(key + _MEMBER) as stream:
            return np.lib.format.read_array(stream, allow_pickle=False)
