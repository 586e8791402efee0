"""NRRD files, attached (.nrrd) or with their data beside them (.nhdr)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.data.formats.channels import FileChannels
from ramify.data.formats.detached import beside
from ramify.data.formats.nrrd_header import NrrdHeader, read_header
from ramify.data.formats.placement import place
from ramify.data.formats.unpack_limit import check_unpacked
from ramify.data.formats.voxels import check_packed_size, open_packed, read_voxels, text_numbers, voxel_count
from ramify.data.volume import Volume

_TO_LPS = {
    "left-posterior-superior": (1, 1, 1),
    "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
}
_MM = {
    "mm": 1.0,
    "millimeter": 1.0,
    "millimetre": 1.0,
    "m": 1000.0,
    "meter": 1000.0,
    "metre": 1000.0,
    "cm": 10.0,
    "centimeter": 10.0,
    "centimetre": 10.0,
    "um": 0.001,
    "\N{MICRO SIGN}m": 0.001,
    "\N{GREEK SMALL LETTER MU}m": 0.001,
    "micron": 0.001,
    "micrometer": 0.001,
    "micrometre": 0.001,
    "nm": 1e-6,
    "nanometer": 1e-6,
    "nanometre": 1e-6,
}
_SPACE_KINDS = {"domain", "space", "", "???", "none"}


def read_nrrd(path: Path, spacing_mm: Sequence[float] | None = None) -> FileChannels:
    """Read a volume, or the channels of vectors along any axis; spacing_mm (z, y, x) goes in place of the file's.

    Raises ValueError or OSError that names the file: damaged, data elsewhere than beside its header, more than three
    dimensions in space or one of channels, sheared.
    """
    header = nrrd_header(path)
    shape = header.shape()
    spatial = spatial_axes(header)
    components = [size for size, kept in zip(shape, spatial, strict=True) if not kept]
    several = [axis for axis, kept in enumerate(spatial) if not kept and shape[axis] > 1]
    if len(several) > 1:
        count = voxel_count(components)
        raise ValueError(f"{path}: {count} numbers a voxel along {len(several)} axes; save it with one")
    if len(shape) - len(components) not in (2, 3):
        sizes = " x ".join(map(str, shape[::-1]))
        raise ValueError(
            f"{path}: an image of {len(shape) - len(components)} dimensions (x, y, z, ... = {sizes}) "
            "where one volume is expected; save the volume you mean as a file of its own"
        )
    numbers = read_numbers(header)
    array = np.moveaxis(numbers, several[0], 0) if several else numbers[None]
    array = array.reshape((len(array), *(size for size, kept in zip(shape, spatial, strict=True) if kept)))
    return FileChannels.of_array(array, place_nrrd(header, array[0], spacing_mm))


def nrrd_header(path: Path) -> NrrdHeader:
    """The header of a file; raises ValueError or OSError that names the file."""
    with path.open("rb") as stream:
        return read_header(path, stream)


def detached_data(header: NrrdHeader) -> Path | None:
    """The file beside the header that holds its numbers, or None where they follow it; raises as `beside`."""
    name = header.fields.get("data file", header.fields.get("datafile", ""))
    return beside(header.path, name) if name else None


def spatial_axes(header: NrrdHeader) -> list[bool]:
    """For each axis in array order, whether it lies in space; a list of layers or of colours does not."""
    count = len(header.shape())
    if header.fields.get("space directions"):
        return [word.lower() != "none" for word in header.words("space directions", count)][::-1]
    kinds = header.words("kinds", count) if "kinds" in header.fields else [""] * count
    return [kind.lower() in _SPACE_KINDS for kind in kinds][::-1]


def place_nrrd(header: NrrdHeader, array: NDArray[Any], spacing_mm: Sequence[float] | None) -> Volume:
    """An array of the header's axes in space, in its place; axes of length 1 that are none are left off.

    Lengths in metres or microns become mm, which is noted, as is a unit that is none of length.
    """
    spatial = spatial_axes(header)
    ndim = sum(spatial)
    array = array.reshape([size for size, kept in zip(header.shape(), spatial, strict=True) if kept])
    if not header.fields.get("space directions"):
        sides = _axis_numbers(header, "spacings", spatial, 1.0)
        starts = _axis_numbers(header, "axis mins", spatial, np.nan)
        scale, notes = _to_mm(header, "units", spatial[::-1])
        origin = np.where(np.isnan(starts), 0, starts + np.abs(sides) / 2)  # an axis begins at its first voxel's edge
        return place(array, np.diag(np.abs(sides) * scale), origin * scale, header.path, spacing_mm, notes)
    space = header.fields.get("space", "").lower()
    signs = _TO_LPS.get(space, (1,) * ndim if not space else None)
    if signs is None or len(signs) != ndim:
        raise header.error("space", f"left-posterior-superior or another space of {ndim} axes")
    words = [word for word in header.words("space directions") if word.lower() != "none"]
    steps = np.array([_vector(header, "space directions", word, ndim) for word in words]).T
    start = header.fields.get("space origin", "(" + ",".join("0" * ndim) + ")").replace(" ", "")
    scale, notes = _to_mm(header, "space units", [True] * ndim)
    to_mm = np.array(signs) * scale
    origin = to_mm * np.array(_vector(header, "space origin", start, ndim))
    return place(array, to_mm[:, None] * steps, origin, header.path, spacing_mm, notes)


def _to_mm(header: NrrdHeader, field: str, spatial: Sequence[bool]) -> tuple[NDArray[np.float64], list[str]]:
    """What lengths along each axis in space are multiplied by, and notes; spatial: of each entry of the field."""
    count = sum(spatial)
    if field not in header.fields:
        return np.ones(count), []
    words = [word.strip('"') for word in header.words(field, len(spatial))]
    units = [word for word, kept in zip(words, spatial, strict=True) if kept]
    scale = np.array([_MM.get(_singular(unit), 1.0) for unit in units])
    notes = []
    if (scale != 1).any():
        notes.append(f"its header gives lengths in {', '.join(dict.fromkeys(units))}: converted to mm")
    if unknown := [unit for unit in units if _singular(unit) not in (*_MM, "", "???", "none")]:
        notes.append(f"its header gives lengths in {unknown[0][:20]!r}, which is no unit that is known: taken for mm")
    return scale, notes


def _singular(unit: str) -> str:
    unit = unit.lower()
    return unit.removesuffix("s") if len(unit) > 3 else unit


def _axis_numbers(header: NrrdHeader, field: str, spatial: Sequence[bool], default: float) -> NDArray[np.float64]:
    """A number for each axis in space, x first; NaN is the format's word for "not known"."""
    if field not in header.fields:
        return np.full(sum(spatial), default)
    words = header.words(field, len(spatial))
    try:
        numbers = np.array([float(word) for word, kept in zip(words, spatial[::-1], strict=True) if kept])
    except ValueError:
        raise header.error(field, "numbers") from None
    return np.where(np.isnan(numbers), default, numbers)


def _vector(header: NrrdHeader, field: str, word: str, ndim: int) -> list[float]:
    try:
        numbers = [float(number) for number in word.removeprefix("(").removesuffix(")").split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != ndim or not np.isfinite(numbers).all() or word[:1] != "(" or word[-1:] != ")":
        raise header.error(field, f"vectors of {ndim} numbers")
    return numbers


def read_numbers(header: NrrdHeader) -> NDArray[Any]:
    """Every number of the file, in array order; raises ValueError or OSError that names the file."""
    path, encoding, shape = header.path, header.encoding(), header.shape()
    if any(header.fields.get(skip, "0") != "0" for skip in ("line skip", "lineskip", "byte skip", "byteskip")):
        raise ValueError(f"{path}: skips lines or bytes before its data; write it again without")
    beside_it = detached_data(header)
    data, start = (path, header.end) if beside_it is None else (beside_it, 0)
    size = np.dtype(header.dtype()).itemsize * voxel_count(shape)
    length = data.stat().st_size
    check_unpacked(path, size, length)
    with data.open("rb") as stream:
        stream.seek(start)
        if encoding == "ascii":
            return text_numbers(stream, shape, header.dtype(), path)
        if encoding == "gzip":
            check_packed_size(path, length - start, size)
        return read_voxels(open_packed(stream, encoding), shape, header.dtype(), path)
