"""MetaImage files, whole (.mha) or with their data beside them (.mhd)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ramify.data.formats.channels import FileChannels
from ramify.data.formats.detached import beside
from ramify.data.formats.placement import place
from ramify.data.formats.unpack_limit import check_unpacked
from ramify.data.formats.voxels import check_packed_size, open_packed, read_voxels, scaled, text_numbers, voxel_count

_LONGEST_LINE, _MOST_LINES = 1 << 16, 10_000
_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_SAME = {
    "Origin": "Offset",
    "Position": "Offset",
    "Rotation": "TransformMatrix",
    "Orientation": "TransformMatrix",
    "ElementByteOrderMSB": "BinaryDataByteOrderMSB",
}


@dataclass(frozen=True)
class MetaImageHeader:
    """A header's fields under one name each, and where in the file it ends."""

    path: Path
    fields: Mapping[str, str]
    end: int

    def numbers(self, key: str, count: int, default: str) -> NDArray[np.float64]:
        try:
            numbers = np.array([float(word) for word in self.fields.get(key, default).split()])
        except ValueError:
            numbers = np.empty(0)
        if numbers.shape != (count,) or not np.isfinite(numbers).all():
            raise self.error(key, f"{count} numbers")
        return numbers

    def whole_number(self, key: str, default: str = "") -> int:
        try:
            return int(self.fields.get(key, default))
        except ValueError:
            raise self.error(key, "a whole number") from None

    def flag(self, key: str, default: str) -> bool:
        value = {"true": True, "1": True, "false": False, "0": False}.get(self.fields.get(key, default).lower())
        if value is None:
            raise self.error(key, "True or False")
        return value

    def shape(self) -> tuple[int, ...]:
        """Sizes in array order: the slowest axis first."""
        sizes = self.fields.get("DimSize", "").split()
        if len(sizes) != self.whole_number("NDims") or not all(size.isdigit() and int(size) > 0 for size in sizes):
            raise self.error("DimSize", f"{max(self.whole_number('NDims'), 1)} whole numbers > 0")
        return tuple(int(size) for size in sizes[::-1])

    def error(self, key: str, expected: str) -> ValueError:
        got = self.fields.get(key)
        return ValueError(
            f"{self.path}: expected {expected} for {key} in its MetaImage header, "
            f"got {'nothing' if got is None else repr(got[:60])}; write it again"
        )


def read_metaimage(path: Path, spacing_mm: Sequence[float] | None = None) -> FileChannels:
    """Read a volume, or the channels of vectors or of a fourth axis; spacing_mm (z, y, x) goes in place of the file's.

    Raises ValueError or OSError that names the file: damaged, data elsewhere than beside its header, more than four
    dimensions or vectors in four, sheared.
    """
    header = metaimage_header(path)
    shape = header.shape()
    channels = header.whole_number("ElementNumberOfChannels", "1")
    if channels < 1:
        raise header.error("ElementNumberOfChannels", "a whole number > 0")
    while len(shape) > 3 and shape[0] == 1:
        shape = shape[1:]
    in_time = channels == 1 and len(shape) == 4
    stored = shape if in_time else (*shape, channels)
    shape = shape[1:] if in_time else shape
    if (ndim := len(shape)) not in (2, 3):
        raise ValueError(
            f"{path}: an image of {ndim} dimensions (x, y, z, ... = {' x '.join(map(str, shape[::-1]))}) "
            "where one volume is expected; save the volume you mean as a file of its own"
        )
    count = header.whole_number("NDims")
    ones = " ".join(["1"] * count)
    sides = header.numbers("ElementSpacing", count, header.fields.get("ElementSize", ones))
    if not (sides > 0).all():
        raise ValueError(
            f"{path}: spacing must be > 0 mm along every axis, its header gives {sides.tolist()} (x, y, z)"
        )
    identity = " ".join("1" if row == column else "0" for row in range(count) for column in range(count))
    axes = header.numbers("TransformMatrix", count * count, identity).reshape(count, count).T  # a row in the file each
    origin = header.numbers("Offset", count, " ".join(["0"] * count))
    lengths = np.linalg.norm(axes[:ndim, :ndim], axis=0)
    if not (lengths > 0).all():
        raise header.error("TransformMatrix", "axes in space")
    steps = axes[:ndim, :ndim] / lengths * sides[:ndim]
    voxels = _voxels(header, stored)
    array = voxels if in_time else np.moveaxis(voxels, -1, 0)
    return FileChannels.of_array(array, place(array[0], steps, origin[:ndim], path, spacing_mm))


def metaimage_header(path: Path) -> MetaImageHeader:
    """The header of a file; raises ValueError or OSError that names the file."""
    with path.open("rb") as stream:
        return _read_header(path, stream)


def detached_data(header: MetaImageHeader) -> Path | None:
    """The file beside the header that holds its voxels, or None where they follow it; raises as `beside`."""
    name = header.fields["ElementDataFile"]
    return None if name.upper() == "LOCAL" else beside(header.path, name)


def _read_header(path: Path, stream: BinaryIO) -> MetaImageHeader:
    fields: dict[str, str] = {}
    for _ in range(_MOST_LINES):
        line = stream.readline(_LONGEST_LINE)
        key, equals, value = line.decode("utf-8", errors="surrogateescape").partition("=")
        key = _SAME.get(key.strip(), key.strip())
        if not equals or not line.endswith(b"\n"):
            if not line.strip() and line:
                continue
            break
        if key in fields:
            raise ValueError(f"{path}: two lines {key} in its MetaImage header; write it again")
        fields[key] = value.strip()
        if key == "ElementDataFile":
            if fields.get("ObjectType", "Image") != "Image":
                raise ValueError(f"{path}: holds a {fields['ObjectType'][:60]} where an image is expected")
            return MetaImageHeader(path, fields, stream.tell())
    raise ValueError(f"{path}: damaged or not a {path.suffix} file (its header does not end in ElementDataFile)")


def _voxels(header: MetaImageHeader, shape: tuple[int, ...]) -> NDArray[Any]:
    path, dtype = header.path, _dtype(header)
    beside_it = detached_data(header)
    data, start = (path, header.end) if beside_it is None else (beside_it, 0)
    size = dtype.itemsize * voxel_count(shape)
    length = data.stat().st_size
    check_unpacked(path, size, length)
    skip = header.whole_number("HeaderSize", "0")
    if skip < -1 or (skip and data == path):
        raise header.error("HeaderSize", "0 or, for data in another file, its bytes before them")
    if skip:
        start = skip if skip > 0 else length - size
    packed = header.flag("CompressedData", "False")
    with data.open("rb") as stream:
        stream.seek(max(start, 0))
        if not header.flag("BinaryData", "True"):
            array = text_numbers(stream, shape, dtype, path)
        elif packed:
            check_packed_size(path, length, size)
            array = read_voxels(open_packed(stream, "zlib"), shape, dtype, path)
        else:
            array = read_voxels(stream, shape, dtype, path)
    slope = header.numbers("ElementToIntensityFunctionSlope", 1, "1")[0]
    offset = header.numbers("ElementToIntensityFunctionOffset", 1, "0")[0]
    return scaled(array, slope, offset, path)


def _dtype(header: MetaImageHeader) -> np.dtype:
    code = _TYPES.get(header.fields.get("ElementType", ""))
    if code is None:
        raise header.error("ElementType", "a type of numbers such as MET_SHORT, MET_FLOAT")
    return np.dtype((">" if header.flag("BinaryDataByteOrderMSB", "False") else "<") + code)
