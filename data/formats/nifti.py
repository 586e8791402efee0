"""NIfTI files: voxels, their scaling, and their place from the header's two transforms."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from ramify.data.formats.channels import FileChannels
from ramify.data.formats.nifti_header import HEADER_BYTES, NiftiHeader, parse_header
from ramify.data.formats.placement import place
from ramify.data.formats.unpack_limit import check_unpacked
from ramify.data.formats.voxels import check_packed_size, read_voxels, scaled, voxel_count, whole_stream
from ramify.data.volume import MISPLACEMENT_MM

_GZIP = b"\x1f\x8b"
_BEGINNINGS = tuple(size.to_bytes(4, order) for size in HEADER_BYTES.values() for order in ("little", "big"))
_PIXDIM_TOLERANCE = 0.01


def read_nifti(path: Path, spacing_mm: Sequence[float] | None = None) -> FileChannels:
    """Read a volume, or the channels of several; spacing_mm (z, y, x) goes in place of the file's.

    The place is the sform's where its code says that there is one, else the qform's, else the header's spacing at the
    origin; where the two disagree that is noted. Lengths in metres or microns become mm. Scaled values are float.
    Raises ValueError or OSError that names the file: damaged, truncated, colours, sheared.
    """
    with _open(path) as (stream, header):
        array = read_voxels(stream, (header.channels, *header.shape), header.dtype, path)
    array = scaled(array, header.slope, header.intercept, path)
    matrix, notes = _transform(header)
    ndim = len(header.shape)
    steps, origin = matrix[:ndim, :ndim], matrix[:ndim, 3]
    if ndim == 2 and not np.allclose(np.abs(matrix[2, :2]), 0, atol=1e-3 * min(header.pixdim_mm[:2])):
        steps, notes = (
            np.diag(header.pixdim_mm[:2]),
            [*notes, "a plane that is no x-y plane: its direction is not used"],
        )
    return FileChannels.of_array(array, place(array[0], steps, origin, path, spacing_mm, notes))


@contextmanager
def _open(path: Path) -> Iterator[tuple[BinaryIO, NiftiHeader]]:
    """The unpacked file at its first voxel, and its header."""
    with path.open("rb") as file:
        # Packed or not, whatever its name says: programs and people rename the one to the other.
        start = file.read(max(map(len, _BEGINNINGS)))
        packed = start.startswith(_GZIP)
        if path.name.lower().endswith(".gz") and not start.startswith((_GZIP, *_BEGINNINGS)):
            raise ValueError(f"{path}: not a gzip file; expected a NIfTI volume (.nii.gz)")
        file.seek(0)
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file
        with whole_stream(path):
            start = stream.read(HEADER_BYTES[2])
            header = parse_header(path, start)
            size = header.dtype.itemsize * header.channels * voxel_count(header.shape)
            length = path.stat().st_size
            check_unpacked(path, size, length)
            if packed:
                check_packed_size(path, length, size)
            elif header.offset + size > length:
                announced = header.offset + size
                raise ValueError(
                    f"{path}: truncated: {length} bytes where its header announces {announced}; get the file again"
                )
            stream.seek(header.offset)
        yield stream, header


def _transform(header: NiftiHeader) -> tuple[NDArray[np.float64], list[str]]:
    """(3, 4) from voxel indices x, y, z to LPS in mm, and notes on what was chosen."""
    notes = [] if header.unit == "mm" else [f"its header gives lengths in {header.unit}: converted to mm"]
    chosen = {"sform": header.sform, "qform": header.qform}.get(header.transform)
    if chosen is None:
        return np.column_stack([np.diag(header.pixdim_mm), np.zeros(3)]), notes
    ndim = len(header.shape)
    spacing, given = np.linalg.norm(chosen[:, :3], axis=0)[:ndim], np.array(header.pixdim_mm[:ndim])
    if (np.abs(spacing - given) > _PIXDIM_TOLERANCE * given).any():
        notes.append(f"its sform has voxels of {_sides(spacing)} mm, its pixdim {_sides(given)} mm: the sform is taken")
    elif header.sform is not None and header.qform is not None:
        last = [size - 1 for size in header.shape[::-1]] + [0] * (3 - ndim)
        corners = np.array([(*corner, 1) for corner in itertools.product(*((0, end) for end in last))])
        apart = float(np.linalg.norm(corners @ (header.sform - header.qform).T, axis=1).max())
        if not apart <= MISPLACEMENT_MM:
            notes.append(f"its sform and qform lie up to {apart:.3g} mm apart: the {header.transform} is taken")
    return chosen, notes


def _sides(values: NDArray[np.float64]) -> str:
    return " x ".join(f"{value:.4g}" for value in values)
