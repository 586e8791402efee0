"""The header of a NIfTI file (.nii, .nii.gz; versions 1 and 2), read strictly, and the place it describes."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEADER_BYTES = {1: 348, 2: 540}
FIRST_VOXEL = {1: 352, 2: 544}
TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
_OTHER_TYPES = {
    1: "single bits",
    32: "complex numbers",
    128: "colours (RGB)",
    1536: "128-bit floats",
    1792: "complex numbers",
    2048: "complex numbers",
    2304: "colours (RGBA)",
}
_UNITS = {0: ("mm", 1.0), 1: ("metres", 1000.0), 2: ("mm", 1.0), 3: ("microns", 0.001)}
SCANNER = 1
LPS = np.array([-1.0, -1.0, 1.0])
_QUATERNION_TOLERANCE = 1e-3


@dataclass(frozen=True)
class NiftiHeader:
    """What a header says, checked.

    shape: (z, y, x) or (y, x), of each channel. channels: how many volumes lie one after the other, along a fourth
    axis, or as vectors along the fifth. dtype: of the stored numbers, with byte order. offset: of the first voxel, in
    bytes. slope, intercept: value = slope * stored + intercept. pixdim_mm: voxel sides x, y, z. unit: as the file has.
    transform: "sform", "qform" or "" for none; which of them places the volume.
    qform, sform: (3, 4) from voxel indices x, y, z to LPS in mm, or None where the header's code says that it is unset.
    """

    path: Path
    shape: tuple[int, ...]
    channels: int
    dtype: np.dtype
    offset: int
    slope: float
    intercept: float
    pixdim_mm: tuple[float, float, float]
    unit: str
    transform: str
    qform: NDArray[np.float64] | None
    sform: NDArray[np.float64] | None


def parse_header(path: Path, start: bytes) -> NiftiHeader:
    """The header in the first 540 bytes of an unpacked file; raises ValueError that names the file."""
    version, order = _version(path, start)
    fields = _fields(start, version, order)
    shape, channels = _shape(path, fields["dim"])
    spacing = fields["pixdim"][1 : 1 + len(shape)]
    if not all(math.isfinite(side) and side != 0 for side in spacing):
        raise ValueError(f"{path}: spacing must be > 0 mm along every axis, its header gives {spacing} (x, y, z)")
    unit, scale = _unit(path, fields["units"])
    slope, intercept = _scaling(path, *fields["scaling"])
    sides = [abs(side) * scale for side in (*spacing, 1.0)[:3]]
    to_mm = np.array([[scale]] * 3) * LPS[:, None]
    sform = np.array(fields["srow"]).reshape(3, 4) if fields["sform_code"] > 0 else None
    qform = _from_quaternion(path, fields) if fields["qform_code"] > 0 else None
    return NiftiHeader(
        path=path,
        shape=shape,
        channels=channels,
        dtype=_dtype(path, fields, order),
        offset=_offset(path, fields["offset"], version),
        slope=slope,
        intercept=intercept,
        pixdim_mm=(sides[0], sides[1], sides[2]),
        unit=unit,
        transform=_chosen(fields["qform_code"], fields["sform_code"]),
        qform=None if qform is None else to_mm * qform,
        sform=None if sform is None else to_mm * sform,
    )


def _version(path: Path, start: bytes) -> tuple[int, str]:
    for order in "<", ">":
        size = struct.unpack_from(order + "i", start)[0] if len(start) >= 4 else 0
        version = {348: 1, 540: 2}.get(size, 0)
        if version and len(start) >= HEADER_BYTES[version]:
            break
    else:
        raise ValueError(f"{path}: not a NIfTI file (no NIfTI header); expected a volume in NIfTI form")
    magic = start[344:348] if version == 1 else start[4:8]
    if magic[:3] in (b"ni1", b"ni2"):
        raise ValueError(f"{path}: the header of a pair (.hdr, .img); save both as one .nii.gz file")
    if magic[:3] != (b"n+1", b"n+2")[version - 1]:
        raise ValueError(f"{path}: not a NIfTI file (no NIfTI mark in its header); expected a volume in NIfTI form")
    return version, order


def _fields(start: bytes, version: int, order: str) -> dict[str, Any]:
    def read(form: str, at: int) -> tuple[Any, ...]:
        return struct.unpack_from(order + form, start, at)

    if version == 1:
        quaternion = read("6f", 256)
        codes, srow = read("2h", 252), read("12f", 280)
        dim, pixdim, scaling = read("8h", 40), read("8f", 76), read("2f", 112)
        (kind, bits), offset, units = read("2h", 70), read("f", 108)[0], start[123]
    else:
        quaternion = read("6d", 352)
        codes, srow = read("2i", 344), read("12d", 400)
        dim, pixdim, scaling = read("8q", 16), read("8d", 104), read("2d", 176)
        (kind, bits), offset, units = read("2h", 12), read("q", 168)[0], read("i", 500)[0]
    return {
        "dim": dim,
        "pixdim": pixdim,
        "scaling": scaling,
        "kind": kind,
        "bits": bits,
        "offset": offset,
        "units": units,
        "qform_code": codes[0],
        "sform_code": codes[1],
        "quaternion": quaternion,
        "srow": srow,
    }


def _shape(path: Path, dim: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """Of a channel in array order, and how many there are."""
    if not 1 <= dim[0] <= 7:
        raise ValueError(f"{path}: not a NIfTI file (its header gives {dim[0]} dimensions)")
    sizes = list(dim[1 : 1 + dim[0]])
    if min(sizes) < 0 or min(sizes[:3]) == 0:
        raise ValueError(f"{path}: expected sizes > 0, its header gives {tuple(sizes)} (x, y, z); get it again")
    while len(sizes) > 3 and sizes[-1] <= 1:
        sizes.pop()
    several = [size for size in sizes[3:] if size > 1]
    if len(sizes) < 2 or len(several) > 1:
        raise ValueError(
            f"{path}: an image of {len(sizes)} dimensions (x, y, z, ... = {tuple(sizes)}) "
            "where one volume is expected; save the volume you mean as a file of its own"
        )
    return tuple(sizes[:3][::-1]), several[0] if several else 1


def _dtype(path: Path, fields: dict[str, Any], order: str) -> np.dtype:
    code = TYPES.get(fields["kind"])
    if code is None:
        name = _OTHER_TYPES.get(fields["kind"], f"the unknown type {fields['kind']}")
        raise ValueError(f"{path}: holds {name} where one number a voxel is expected; save it in grey")
    dtype = np.dtype(order + code)
    if fields["bits"] != 8 * dtype.itemsize:
        raise ValueError(
            f"{path}: damaged: its header gives {fields['bits']} bits a voxel for numbers of {8 * dtype.itemsize}; "
            "get it again"
        )
    return dtype


def _offset(path: Path, offset: float, version: int) -> int:
    least = FIRST_VOXEL[version]
    if not (math.isfinite(offset) and offset >= least and offset == int(offset)):
        raise ValueError(f"{path}: damaged: its first voxel at byte {offset:g}, {least} at the least; get it again")
    return int(offset)


def _chosen(qform_code: int, sform_code: int) -> str:
    """The sform, unless the qform alone tells of the scanner: an sform may lead into an atlas instead."""
    if sform_code > 0 and (qform_code != SCANNER or sform_code == SCANNER):
        return "sform"
    return "qform" if qform_code > 0 else ""


def _unit(path: Path, units: int) -> tuple[str, float]:
    if units & 7 not in _UNITS:
        raise ValueError(f"{path}: damaged: its unit of length has the number {units & 7}; correct its header")
    return _UNITS[units & 7]


def _scaling(path: Path, slope: float, intercept: float) -> tuple[float, float]:
    # A slope of 0 means that there is none; some programs write NaN for both.
    if slope == 0 or (math.isnan(slope) and (math.isnan(intercept) or intercept == 0)):
        return 1.0, 0.0
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        raise ValueError(f"{path}: values scaled by {slope:g} and shifted by {intercept:g}; correct its header")
    return slope, intercept


def _from_quaternion(path: Path, fields: dict[str, Any]) -> NDArray[np.float64]:
    b, c, d, *offset = fields["quaternion"]
    square = b * b + c * c + d * d
    if not (math.isfinite(square) and square <= 1 + _QUATERNION_TOLERANCE):
        raise ValueError(f"{path}: damaged: its qform is no rotation ({b:g}, {c:g}, {d:g}); get it again")
    a = math.sqrt(max(0.0, 1 - square))
    # rounded numbers may be a little longer than 1
    a, b, c, d = np.array([a, b, c, d]) / math.sqrt(a * a + square)
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    sides = [abs(side) if index < fields["dim"][0] else 1.0 for index, side in enumerate(fields["pixdim"][1:4])]
    if fields["pixdim"][0] < 0:
        sides[2] = -sides[2]
    return np.column_stack([rotation * sides, offset])
