"""How thick a vessel is at each voxel of its skeleton."""

import itertools
from collections.abc import Sequence

import numpy as np

from ramify.compilation import compiled
from ramify.vessels.branches import BoolArray, FloatArray, IntArray, without_float_noise
from ramify.vessels.nearest_kernels import (
    fill_boxes,
    morton_codes,
    n_nodes,
    nearest_point,
    points_within,
    squared_length,
)
from ramify.vessels.point_index import in_3d, spacing_in_3d
from ramify.vessels.wall import wall_voxels


def local_radii_mm(voxels: IntArray, mask: BoolArray, spacing_mm: Sequence[float]) -> FloatArray:
    """Radius of the vessel around voxels on its centreline, by their distance to the wall.

    With d the largest distance to a background voxel's centre from any point half a voxel or none away along each axis
    (so that a skeleton beside the axis costs nothing), r² = d² − s²/3, s² the mean square of the voxel's sides, and r
    is no less than d/2: the estimator `distance` (`vessels.estimators.distance`), point by point. Round tubes of 2
    voxels and more come out right to 0.25 voxels, plane ones (2D) up to half a voxel too wide, up to one along an axis.
    Outside the volume is no background; only a mask without any takes it.

    Args:
        voxels: int (N, ndim), indices into the mask; fastest if neighbours follow each other.
        mask: bool (*S), 2D or 3D.
        spacing_mm: voxel size along each axis, mm.

    Returns:
        float (N,), mm; nothing for no voxels.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import local_radii_mm, skeletonize
        >>> mask = np.zeros((13, 13, 30), bool)
        >>> z, y = np.ogrid[-6:7, -6:7]
        >>> mask[:] = (z**2 + y**2 <= 16)[..., None]  # a tube of radius 4
        >>> local_radii_mm(np.array([[6, 6, 15]]), mask, spacing_mm=(1.0, 1.0, 1.0)).round(1).tolist()
        [4.1]
    """
    if not len(voxels):
        return np.empty(0)
    # On a grid twice as fine half a voxel is one step; a margin keeps all its indices positive.
    wall = in_3d(2 * wall_voxels(mask) + 2)
    wall = wall[np.argsort(morton_codes(wall))]
    boxes = np.empty((n_nodes(len(wall)), 6), dtype=np.int32)
    fill_boxes(wall, boxes)
    around = in_3d(np.array(list(itertools.product((-1, 0, 1), repeat=mask.ndim))))
    half_spacing = spacing_in_3d([side / 2 for side in spacing_mm], mask.ndim)
    squared = _greatest_around(in_3d(2 * voxels + 2), around, wall, boxes, half_spacing)
    squared = np.maximum(squared - np.mean(np.square(spacing_mm)) / 3, squared / 4)
    return without_float_noise(np.sqrt(squared), spacing_mm)


@compiled(nogil=True)
def _greatest_around(
    centres: np.ndarray, around: np.ndarray, wall: np.ndarray, boxes: np.ndarray, spacing: tuple[float, float, float]
) -> np.ndarray:
    """The greatest squared distance to the wall from each centre or a point around it.

    A wall point that is nearest to any of these points lies no farther from the centre than the centre's own nearest
    and twice the way to the outermost of them: those are gathered once for each centre. The last one that showed a
    point to be no better than the best so far is asked first about the next.
    """
    greatest = np.zeros(centres.shape[0])
    found = np.empty(wall.shape[0], dtype=np.int64)
    outermost = 0.0
    for k in range(around.shape[0]):
        outermost = max(outermost, squared_length(around[k, 0], around[k, 1], around[k, 2], spacing))
    nearest = 0
    for i in range(centres.shape[0]):
        centre = (centres[i, 0], centres[i, 1], centres[i, 2])
        nearest, squared = nearest_point(wall, boxes, centre, spacing, nearest)
        limit = (np.sqrt(squared) + 2 * np.sqrt(outermost)) * (1 + 1e-6)
        count = points_within(wall, boxes, centre, spacing, limit * limit, found)
        for k in range(around.shape[0]):
            z, y, x = centre[0] + around[k, 0], centre[1] + around[k, 1], centre[2] + around[k, 2]
            least = np.inf
            for c in range(count):
                point = found[c]
                squared = squared_length(wall[point, 0] - z, wall[point, 1] - y, wall[point, 2] - x, spacing)
                if squared < least:
                    least = squared
                    if least <= greatest[i]:
                        found[c], found[0] = found[0], point
                        break
            greatest[i] = max(greatest[i], least)
    return greatest
