"""Damage that SimpleITK passes over in silence: truncated NIfTI files and spacings of zero.

Its NIfTI reader fills what is missing with whatever memory holds, and both its NIfTI and its MetaImage reader turn a
spacing of 0 into another number. So the header and the length are read here first.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

_NIFTI1_HEADER, _NIFTI2_HEADER = 348, 540
_CHUNK = 1 << 20
_TEXT_HEADER = 1 << 14


def check_nifti(path: Path) -> None:
    """Raise ValueError that names the file unless it is a whole NIfTI file with spacings > 0 (.nii or .nii.gz)."""
    open_file = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with cast(BinaryIO, open_file(path, "rb")) as stream:
            start = stream.read(_NIFTI2_HEADER)
            expected = _nifti_length(path, start)
            length = len(start) + sum(len(chunk) for chunk in _chunks(stream))
    except (EOFError, zlib.error) as error:
        raise ValueError(f"{path}: truncated or damaged ({_short(error)}); get the file again") from None
    except gzip.BadGzipFile as error:
        raise ValueError(f"{path}: not a gzip file ({_short(error)}); expected a NIfTI volume (.nii.gz)") from None
    if length < expected:
        raise ValueError(f"{path}: truncated: {length} bytes where its header announces {expected}; get the file again")


def _nifti_length(path: Path, start: bytes) -> int:
    """Bytes the header announces for the whole file, after a look at its spacings."""
    for order in "<", ">":
        size = struct.unpack_from(order + "i", start)[0] if len(start) >= 4 else 0
        if size == _NIFTI1_HEADER and len(start) >= _NIFTI1_HEADER:
            dim = struct.unpack_from(order + "8h", start, 40)
            bits = struct.unpack_from(order + "h", start, 72)[0]
            pixdim = struct.unpack_from(order + "8f", start, 76)
            offset = int(struct.unpack_from(order + "f", start, 108)[0])
            break
        if size == _NIFTI2_HEADER and len(start) >= _NIFTI2_HEADER:
            dim = struct.unpack_from(order + "8q", start, 16)
            bits = struct.unpack_from(order + "h", start, 14)[0]
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
    return offset + voxels * bits // 8


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
