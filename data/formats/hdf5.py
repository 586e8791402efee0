"""Arrays in HDF5 files (.h5, .hdf5, .hdf), such as CREMI's: which there are, their numbers and their place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from ramify.data.formats.damage import naming_damage
from ramify.data.formats.unpack_limit import check_memory, check_unpacked

_DIMENSIONS = (2, 3, 4)
_MOST_KEYS = 10_000
_LENGTHS = {"resolution": ("nm", 1e-6), "element_size_um": ("microns", 1e-3)}
"""Attributes with a voxel's sides (z, y, x): CREMI's, and that of ilastik and ImageJ's plugin."""
_OFFSET = "offset"


def hdf5_keys(path: Path) -> list[str]:
    """Every array of two to four dimensions of numbers, by its path inside the file; raises as read_hdf5."""
    with _opened(path) as file:
        found: list[str] = []
        _collect(file, "", found, path)
        return found


class Hdf5Array(NamedTuple):
    """Numbers, their voxels' sides in mm (z, y, x) or None, the first one's place in mm or (), and notes."""

    array: NDArray[Any]
    sides_mm: tuple[float, ...] | None
    origin_mm: tuple[float, ...]
    notes: list[str]


def read_hdf5(path: Path, key: str) -> Hdf5Array:
    """An array by its path inside the file.

    Raises ValueError or OSError that names the file: damaged, no such array, its data in another file, too big.
    """
    with _opened(path) as file:
        dataset = _dataset(file, key, path)
        size = int(dataset.size) * dataset.dtype.itemsize
        check_unpacked(path, size, path.stat().st_size)
        check_memory(path, size)
        array = dataset[()]
        sides, offset, notes = _place(dataset)
    return Hdf5Array(array, sides, offset, notes)


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    with path.open("rb") as stream, naming_damage(path):
        try:
            file = h5py.File(stream, "r")
        except OSError as error:
            raise ValueError(f"{path}: damaged or not an HDF5 file ({str(error)[:80]}); get it again") from None
        with file:
            yield file


def _collect(group: h5py.Group, inside: str, found: list[str], path: Path) -> None:
    for name in group:
        if len(found) >= _MOST_KEYS or inside.count("/") > 20:
            raise ValueError(f"{path}: holds more than {_MOST_KEYS} arrays; name the one you mean")
        # A link may lead back to where it came from, or out of the file.
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            continue
        part = group.get(name)
        if isinstance(part, h5py.Group):
            _collect(part, f"{inside}{name}/", found, path)
        elif isinstance(part, h5py.Dataset) and part.ndim in _DIMENSIONS and part.dtype.kind in "biuf":
            found.append(f"{inside}{name}")


def _dataset(file: h5py.File, key: str, path: Path) -> h5py.Dataset:
    part: Any = file
    for name in key.split("/"):
        link = part.get(name, getlink=True) if isinstance(part, h5py.Group) else None
        if link is None:
            raise ValueError(f"{path}: holds no array {key!r}; it has {_listed(path)}")
        if isinstance(link, h5py.ExternalLink):
            raise ValueError(f"{path}: {key!r} lies in another file; copy it into this one")
        part = part.get(name)
    if not isinstance(part, h5py.Dataset):
        raise ValueError(f"{path}: {key!r} is no array; it has {_listed(path)}")
    if part.is_virtual or part.external:
        raise ValueError(f"{path}: {key!r} lies in another file; copy it into this one")
    return part


def _listed(path: Path) -> str:
    keys = hdf5_keys(path)
    return ", ".join(keys[:8]) + (", ..." if len(keys) > 8 else "") if keys else "none"


def _place(dataset: h5py.Dataset) -> tuple[tuple[float, ...] | None, tuple[float, ...], list[str]]:
    ndim = dataset.ndim
    for name, (unit, to_mm) in _LENGTHS.items():
        if name in dataset.attrs:
            sides = np.asarray(dataset.attrs[name], dtype=np.float64).ravel()
            if len(sides) not in (2, 3) or len(sides) > ndim:
                continue
            offset = np.asarray(dataset.attrs.get(_OFFSET, np.zeros(len(sides))), dtype=np.float64).ravel()
            origin = tuple((offset * to_mm).tolist()) if len(offset) == len(sides) else ()
            notes = [f"its attribute {name} is taken for {unit}, z y x: converted to mm"]
            return tuple((sides * to_mm).tolist()), origin, notes
    return None, (), []
