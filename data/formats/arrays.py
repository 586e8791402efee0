"""Files of arrays without a header of images: HDF5 and NumPy's; an array in them is named as FILE::KEY."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.data.file_names import HDF5_SUFFIXES, array_suffix, with_key
from ramify.data.formats.channels import ALL, FileChannels
from ramify.data.formats.hdf5 import hdf5_keys, read_hdf5
from ramify.data.formats.numpy_files import numpy_keys, read_numpy
from ramify.data.formats.voxels import check_finite
from ramify.data.volume import Volume, check_same_geometry, checked_spacing

_MOST_AXES, _SHOWN = 4, 8
_NO_LABEL = np.iinfo(np.uint64).max
"""CREMI's word for background, in label maps of 64 bits."""


def read_arrays(
    path: Path, key: str, wanted: Sequence[str] = (), spacing_mm: Sequence[float] | None = None
) -> FileChannels:
    """The array of that name with its channels (the first of four axes), or the wanted arrays as channels.

    Axes are z, y, x; nothing tells a channel's axis, so an array of three dimensions is a volume, whatever its sizes.
    HDF5's attributes `resolution` (nm) and `element_size_um` give the spacing, unless spacing_mm (z, y, x) does.

    Raises ValueError or OSError that names the file: damaged, no such array, several and none named, several that do
    not lie on one grid.
    """
    keys = hdf5_keys(path) if _is_hdf5(path) else numpy_keys(path)
    if key or len(keys) < 2:
        return _channels(path, key or (keys[0] if keys else ""), spacing_mm)
    names = keys if list(wanted) == [ALL] else [one for one in keys if one in wanted]
    if not names:
        listed = ", ".join(keys[:_SHOWN]) + (", ..." if len(keys) > _SHOWN else "")
        named = with_key(Path(path.name), keys[0])
        raise ValueError(f"{path}: holds {len(keys)} arrays ({listed}); name the one you mean, as {named}")
    volumes = [_channels(path, name, spacing_mm).only(with_key(path, name)) for name in names]
    for name, volume in zip(names[1:], volumes[1:], strict=True):
        first = f"{path}, array {names[0]}"
        check_same_geometry(volumes[0], volume, first, f"array {name}", "bring both onto one grid")
    return FileChannels(tuple(volumes), tuple(names))


def without_marks(array: NDArray[Any]) -> NDArray[Any]:
    """Labels with 0 in place of CREMI's word for background."""
    return np.where(array == _NO_LABEL, 0, array) if array.dtype == np.uint64 else array


def _channels(path: Path, key: str, spacing_mm: Sequence[float] | None) -> FileChannels:
    named = with_key(path, key)
    if _is_hdf5(path):
        if not key:
            raise ValueError(f"{path}: holds no array of two to four dimensions; expected an image or mask")
        array, sides, origin, notes = read_hdf5(path, key)
    else:
        array, sides, origin, notes = read_numpy(path, key), None, (), []
    if array.dtype.kind not in "biuf" or not 2 <= array.ndim <= _MOST_AXES:
        raise ValueError(
            f"{named}: expected numbers of 2 to {_MOST_AXES} dimensions (z, y, x, or channels first), got "
            f"{array.dtype} of shape {array.shape}"
        )
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    check_finite(array, named)
    channels = array if array.ndim == _MOST_AXES else array[None]
    ndim = channels.ndim - 1
    if sides is not None and len(sides) != ndim:
        sides, origin, notes = None, (), [*notes, "its attribute has another number of axes: not used"]
    given = spacing_mm or sides
    spacing = checked_spacing(given or (1.0,) * ndim, ndim, f"{named}: spacing_mm")
    try:
        grid = Volume(channels[0], spacing, origin, notes=() if spacing_mm else tuple(notes), placed=given is not None)
    except ValueError as error:
        raise ValueError(f"{named}: {error}") from None
    return FileChannels.of_array(channels, grid)


def _is_hdf5(path: Path) -> bool:
    return array_suffix(path) in HDF5_SUFFIXES
