"""NIfTI files written slab by slab, so that no copy of a large volume is made."""

from __future__ import annotations

import gzip
import struct
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ramify.data.formats.nifti_header import FIRST_VOXEL, HEADER_BYTES, LPS, SCANNER, TYPES
from ramify.data.large_arrays import slabs
from ramify.data.volume import Volume

_LONGEST = 32767
_MM_AND_SECONDS = 2 | 8
_LEVEL = 6
"""Of gzip: what most programs take; 9 is many times slower for a file that is hardly smaller."""


def write_nifti(path: Path, volume: Volume, packed: bool, name: str) -> None:
    """Write a volume to a new file, NIfTI 1, whose qform and sform both give its place; a mask becomes 8-bit.

    The same volume gives the same bytes. Raises ValueError, under a name, for a type or length that the form has not.
    """
    array = volume.array.view(np.uint8) if volume.array.dtype == np.bool_ else volume.array
    stored = array.dtype.newbyteorder("<")
    header = _header(volume, stored, name)
    with ExitStack() as opened:
        stream: BinaryIO = opened.enter_context(path.open("wb"))
        if packed:
            # Neither name nor time: the same volume gives the same bytes.
            stream = cast(
                BinaryIO, opened.enter_context(gzip.GzipFile("", "wb", compresslevel=_LEVEL, fileobj=stream, mtime=0))
            )
        stream.write(header)
        for rows in slabs(array):
            stream.write(np.ascontiguousarray(array[rows], dtype=stored).data)


def _header(volume: Volume, stored: np.dtype, name: str) -> bytes:
    """The header and the empty extension behind it: all that lies before the first voxel."""
    codes = [code for code, form in TYPES.items() if np.dtype(f"<{form}") == stored]
    if not codes:
        raise ValueError(f"{name}: a NIfTI file holds no numbers of type {stored.name}; convert them, to float32 say")
    if max(volume.shape) > _LONGEST:
        raise ValueError(
            f"{name}: a NIfTI file has at most {_LONGEST} voxels along an axis, not {max(volume.shape)}; write .nrrd"
        )
    ndim = volume.ndim
    rotation, sides, origin = np.eye(3), np.ones(3), np.zeros(3)
    # What it says of a 2D image's third axis is that it is upright and one voxel long.
    rotation[:ndim, :ndim] = np.array(volume.direction)[::-1, ::-1]
    sides[:ndim], origin[:ndim] = volume.spacing_mm[::-1], volume.origin_mm[::-1]
    rotation, origin = LPS[:, None] * rotation + 0.0, LPS * origin + 0.0
    handed = 1.0 if np.linalg.det(rotation) > 0 else -1.0
    quaternion = _quaternion(rotation * [1, 1, handed])
    dim = [ndim, *volume.shape[::-1], *[1] * (7 - ndim)]
    header = bytearray(FIRST_VOXEL[1])
    for at, form, values in (
        (0, "i", [HEADER_BYTES[1]]),
        (38, "c", [b"r"]),
        (40, "8h", dim),
        (70, "2h", [codes[0], 8 * stored.itemsize]),
        (76, "8f", [handed, *sides, 0, 0, 0, 0]),
        (108, "3f", [FIRST_VOXEL[1], 1, 0]),
        (123, "B", [_MM_AND_SECONDS]),
        (252, "2h", [SCANNER, SCANNER]),
        (256, "6f", [*quaternion, *origin]),
        (280, "12f", np.column_stack([rotation * sides, origin]).ravel()),
        (344, "4s", [b"n+1"]),
    ):
        struct.pack_into(f"<{form}", header, at, *values)
    return bytes(header)


def _quaternion(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Its last three numbers; the first, which a header leaves out, is not negative."""
    found: NDArray[np.float64] = Rotation.from_matrix(rotation).as_quat(canonical=True)[:3] + 0.0
    return found
