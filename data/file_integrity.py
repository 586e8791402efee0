"""Damage that SimpleITK passes over in silence: truncated NIfTI files, NaN in them, and spacings of zero.

Its NIfTI reader fills what is missing with whatever memory holds and turns NaN and infinity into 0, and both its NIfTI
and its MetaImage reader turn a spacing of 0 into another number. So header, length and numbers are read here first.
"""

from __future__ import annotations

import gzip
import itertools
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

_NIFTI1_HEADER, _NIFTI2_HEADER = 348, 540
_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"
_TEXT_HEADER = 1 << 14


def check_nifti(path: Path, finite: bool = False) -> None:
    """Raise ValueError that names the file unless it is a whole NIfTI file with spacings > 0 (.nii or .nii.gz).

    finite: refuse NaN and infinity as well.
    """
    open_file = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with cast(BinaryIO, open_file(path, "rb")) as stream:
            start = stream.read(_NIFTI2_HEADER)
            offset, expected, dtype = _nifti_layout(path, start)
            length, bad, rest = 0, 0, b""
            for chunk in itertools.chain([start], _chunks(stream)):
                if finite and dtype is not None:
                    # Only voxels, and those whole: a number may be cut by the end of a chunk.
                    rest += chunk[max(0, offset - length) : max(0, expected - length)]
                    whole = len(rest) // dtype.itemsize
                    bad += whole - int(np.isfinite(np.frombuffer(rest, dtype, whole)).sum())
                    rest = rest[whole * dtype.itemsize :]
                length += len(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        with path.open("rb") as stream:
            is_gzip = stream.read(len(_GZIP)) == _GZIP
        if not is_gzip:
            raise ValueError(f"{path}: not a gzip file; expected a NIfTI volume (.nii.gz)") from None
        raise ValueError(f"{path}: truncated or damaged ({_short(error)}); get the file again") from None
    if length < expected:
        raise ValueError(f"{path}: truncated: {length} bytes where its header announces {expected}; get the file again")
    if bad:
        raise ValueError(f"{path}: {bad} voxels are NaN or infinite; repair the image")


def _nifti_layout(path: Path, start: bytes) -> tuple[int, int, np.dtype | None]:
    """Offset of the first voxel, bytes the header announces for the whole file, and the type of real numbers (or None),
    after a look at the spacings."""
    for order in "<", ">":
        size = struct.unpack_from(order + "i", start)[0] if len(start) >= 4 else 0
        if size == _NIFTI1_HEADER and len(start) >= _NIFTI1_HEADER:
            dim = struct.unpack_from(order + "8h", start, 40)
            kind, bits = struct.unpack_from(order + "2h", start, 70)
            pixdim = struct.unpack_from(order + "8f", start, 76)
            offset = int(struct.unpack_from(order + "f", start, 108)[0])
            break
        if size == _NIFTI2_HEADER and len(start) >= _NIFTI2_HEADER:
            dim = struct.unpack_from(order + "8q", start, 16)
            kind, bits = struct.unpack_from(order + "2h", start, 12)
            pixdim = struct.unpack_from(order + "8d", start, 104)
            offset = struct.unpack_from(order + "q", start, 168)[0]
            break
    else:
        raise ValueError(f"{path}: not a NIfTI file (no NIfTI header); expected a volume in NIfTI form")
    if not 1 <= dim[0] <= 7:
        raise ValueError(f"{path}: not a NIfTI file (its header gives {dim[0]} dimensions)")
    spacing = pixdim[1 : 1 + min(dim[0], 3)]
    if any(not value > 0 for value in map(abs, spacing)):
        raise ValueError(f"{path}: spacing must be > 0 mm along every axis, its header gives {spacing} (x, y, z)")
    voxels = 1
    for size in dim[1 : 1 + dim[0]]:
        voxels *= max(int(size), 1)
    real = {16: "f4", 64: "f8"}.get(kind)
    return offset, offset + voxels * bits // 8, None if real is None else np.dtype(order + real)


def check_metaimage(path: Path) -> None:
    """Raise ValueError that names the file where a MetaImage (.mha, .mhd) gives a spacing that is not > 0."""
    with path.open("rb") as stream:
        head = stream.read(_TEXT_HEADER).decode("latin-1")
    for line in head.splitlines():
        key, _, value = line.partition("=")
        if key.strip() in ("ElementSpacing", "ElementSize") and not all(_positive(number) for number in value.split()):
            raise ValueError(
                f"{path}: spacing must be > 0 mm along every axis, its header gives {value.strip()} (x, y, z)"
            )
        if key.strip() == "ElementDataFile":
            return


def _positive(number: str) -> bool:
    try:
        return float(number) > 0
    except ValueError:
        return False


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _short(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
