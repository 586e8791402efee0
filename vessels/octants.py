"""What the 2 x 2 x 2 voxels around each grid corner hold: where a mask's boundary runs, and its Euler characteristic.

A grid corner is a point at which 2^ndim voxels meet (an octant's centre). Its code has bit 4 dz + 2 dy + dx set where
the voxel on that side is foreground, 2 dy + dx in 2D. Outside the volume is background.
"""

import itertools
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ramify.compilation import compiled


@dataclass(frozen=True, eq=False)
class BoundaryCorners:
    """Grid corners at which foreground and background meet.

    corners: int32 (N, ndim), in C order; corner i lies between the voxels i - 1 and i along each axis.
    codes: uint8 (N,), which of the voxels around are foreground: neither none nor all.
    """

    corners: NDArray[np.int32]
    codes: NDArray[np.uint8]


def boundary_corners(mask: NDArray[np.bool_]) -> BoundaryCorners:
    """Find the grid corners between foreground and background, in one pass over a mask (*S) in 2D or 3D."""
    # Background all round, and the single slice of a 2D mask as it is: it has no corners above or below.
    in_3d = mask if mask.ndim == 3 else mask[np.newaxis]
    padding = (mask.ndim - 2, 1, 1)
    volume = np.zeros([size + 2 * more for size, more in zip(in_3d.shape, padding, strict=True)], dtype=np.uint8)
    volume[tuple(slice(more, more + size) for size, more in zip(in_3d.shape, padding, strict=True))] = in_3d
    occupied = volume.any(axis=2)
    corners, codes = np.empty((0, 3), dtype=np.int32), np.empty(0, dtype=np.uint8)
    n = _scan(volume, occupied, mask.ndim == 3, corners, codes)
    corners, codes = np.empty((n, 3), dtype=np.int32), np.empty(n, dtype=np.uint8)
    _scan(volume, occupied, mask.ndim == 3, corners, codes)
    if mask.ndim == 2:
        codes >>= 4
    return BoundaryCorners(corners[:, 3 - mask.ndim :], codes)


def euler_characteristic(boundary: BoundaryCorners) -> int:
    """Euler characteristic of a mask from its boundary corners: corners - edges + faces - voxels, shared ones once.

    Voxels are closed cubes, so that foreground touching at a corner is connected (26 in 3D, 8 in 2D). Exact: each cell
    counts at each of its corners for an equal share, and where all voxels around are foreground, or none is, the
    shares add up to nothing. 0 for an empty mask.
    """
    ndim = boundary.corners.shape[1]
    weights = _euler_weights(ndim)
    characteristic: int = int(np.bincount(boundary.codes, minlength=len(weights)) @ weights) // 2**ndim
    return characteristic


@cache
def _euler_weights(ndim: int) -> NDArray[np.int64]:
    """2^ndim times the share of the Euler characteristic that a corner holds, by its code."""
    sides = list(itertools.product((0, 1), repeat=ndim))
    weights = np.zeros(2 ** len(sides), dtype=np.int64)
    # Along each axis a cell at the corner lies on one side of it (0, 1), or has no extent there (None).
    for cell in itertools.product((None, 0, 1), repeat=ndim):
        sharing = sum(
            1 << bit
            for bit, side in enumerate(sides)
            if all(place in (None, there) for place, there in zip(cell, side, strict=True))
        )
        flat = cell.count(None)
        present = (np.arange(len(weights)) & sharing) != 0
        # A cell of ndim - flat dimensions has 2^(ndim - flat) corners, and counts 2^flat / 2^ndim at each.
        weights += present * (-1) ** (ndim - flat) * 2**flat
    return weights


@compiled(nogil=True)
def _scan(volume: np.ndarray, occupied: np.ndarray, in_3d: bool, corners: np.ndarray, codes: np.ndarray) -> int:
    """Count the boundary corners of a padded volume and write them down as far as there is room; (Z, Y, X), uint8."""
    count = 0
    room = len(codes)
    below = 1 if in_3d else 0
    for z in range(below, volume.shape[0]):
        for y in range(1, volume.shape[1]):
            if not (occupied[z, y] | occupied[z, y - 1] | occupied[z - below, y] | occupied[z - below, y - 1]):
                continue
            last = 0
            for x in range(volume.shape[2]):
                column = (
                    below * (volume[z - below, y - 1, x] | volume[z - below, y, x] << 2)
                    | volume[z, y - 1, x] << 4
                    | volume[z, y, x] << 6
                )
                code = last | column << 1
                last = column
                if code == 0 or code == 255 or (not in_3d and code == 240):
                    continue
                if count < room:
                    corners[count, 0], corners[count, 1], corners[count, 2] = z - below, y - 1, x - 1
                    codes[count] = code
                count += 1
    return count
