"""The wall of a mask as triangles between voxels."""

import numpy as np
from numpy.typing import NDArray

from ramify.vessels.box import foreground_box
from ramify.vessels.branches import BoolArray, FloatArray, IntArray

Triangles = NDArray[np.int32]


def wall_triangles(mask: BoolArray) -> tuple[FloatArray, Triangles]:
    """The surface half-way between the voxel centres inside and outside a mask (marching cubes, Lewiner et al. 2003).

    It is closed: at the border of the volume it ends half a voxel beyond the last voxel's centre.

    Args:
        mask: bool (z, y, x).

    Returns:
        corners float (N, 3), in voxels, the centre of the first one is 0; triangles int32 (M, 3) of corners, all the
        same way round. Nothing for an empty mask.

    Raises ValueError for a mask that is not three-dimensional.
    """
    if mask.ndim != 3:
        raise ValueError(f"surface: expected a mask of three dimensions, got shape {mask.shape}")
    box = foreground_box(mask)
    if box[0].stop == 0:
        return np.empty((0, 3)), np.empty((0, 3), np.int32)
    from skimage.measure import marching_cubes

    corners, triangles, _, _ = marching_cubes(np.pad(mask[box], 1).astype(np.float32), 0.5)
    return corners.astype(np.float64) + np.array([side.start - 1 for side in box]), triangles.astype(np.int32)


def inner_voxels(corners: FloatArray, mask: BoolArray) -> IntArray:
    """The voxel of the mask that each corner of its wall lies beside, int (N, ndim)."""
    low = np.floor(corners).astype(np.int64)
    inside: BoolArray = np.all((low >= 0) & (low < np.array(mask.shape)), axis=1)
    inside[inside] = mask[tuple(low[inside].T)]
    return np.where(inside[:, None], low, np.ceil(corners).astype(np.int64))


def enclosed_volume(points: FloatArray, triangles: Triangles) -> float:
    """What a closed surface encloses, in the points' unit; positive where the triangles face outwards."""
    first, second, third = (points[triangles[:, corner]] for corner in range(3))
    return float(np.einsum("ij,ij->", first, np.cross(second, third)) / 6)


def facing_outwards(points: FloatArray, triangles: Triangles) -> Triangles:
    """The triangles, turned round if they face inwards: which way they go hangs on the axes that points count in."""
    return triangles if enclosed_volume(points, triangles) > 0 else triangles[:, ::-1].copy()
