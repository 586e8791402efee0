"""Distances in millimetres between voxels: who is nearest, how far, and where a mask's surface is.

What is computed here does not depend on where in the array the mask lies: every comparison is between distances of
integer offsets, and ties go to the voxel that comes first in C order.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ramify.vessels.box import foreground_box
from ramify.vessels.components import label_components
from ramify.vessels.masks import check_boolean, check_volume
from ramify.vessels.nearest_kernels import morton_codes, spread_labels
from ramify.vessels.point_index import PointIndex, in_3d, spacing_in_3d

Mask = NDArray[np.bool_]


def surface(mask: Mask) -> Mask:
    """Foreground voxels with a background face neighbour, the edge surface Ω of Sadikine et al. 2023, section 2.1.

    Outside the volume is not background: a vessel that leaves the volume gets no cap where it is cut.

    Args:
        mask: bool (*S), any number of dimensions

    Returns:
        bool (*S); empty for an empty mask, and for one that fills its volume.

    Raises:
        ValueError: a mask that is not boolean.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import surface
        >>> mask = np.zeros((5, 5), bool)
        >>> mask[1:4, 1:4] = True
        >>> surface(mask).astype(int).tolist()
        [[0, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 1, 0, 1, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]]
    """
    check_boolean(mask, "mask")
    edge = np.zeros(mask.shape, dtype=bool)
    box = foreground_box(mask, margin=1)
    inside = mask[box]
    interior = inside.copy()
    for axis in range(mask.ndim):
        here, there = [slice(None)] * mask.ndim, [slice(None)] * mask.ndim
        here[axis], there[axis] = slice(1, None), slice(None, -1)
        interior[tuple(here)] &= inside[tuple(there)]
        interior[tuple(there)] &= inside[tuple(here)]
    np.greater(inside, interior, out=edge[box])
    return edge


def nearest_label(seeds: NDArray[np.integer], mask: Mask, spacing_mm: Sequence[float]) -> NDArray[np.int32]:
    """Give every voxel of a mask the label of the nearest seed voxel within its own connected component.

    The branch volumes B_j of Sadikine et al. 2023, Eq. 3: with the skeleton's branch labels as seeds, the voxels whose
    nearest skeleton voxel belongs to branch j. Nearest is by the Euclidean distance of voxel centres, straight through
    whatever lies between; but a seed in another component never counts, however near a parallel vessel runs.

    Ties, and distances that differ by less than 1e-9 of themselves, go to the seed that comes first in C order, so the
    result moves with mask and seeds when they are shifted, cropped or padded.

    Args:
        seeds: integer (*S), 0 where there is no seed; seeds outside the mask belong to no component and are not used.
        mask: bool (*S), 2D (8-connected) or 3D (26-connected)
        spacing_mm: voxel size along each array axis (z, y, x), millimetres, > 0.

    Returns:
        int32 (*S), 0 in the background and in components without a seed; all 0 for an empty mask.

    Raises:
        ValueError: seeds that are not integers from 0 to 2^31 - 1, arrays of different shapes, or a bad spacing.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import nearest_label
        >>> mask = np.array([[1, 1, 1, 1, 1, 0, 1]], bool)
        >>> seeds = np.array([[7, 0, 0, 0, 9, 0, 0]])
        >>> nearest_label(seeds, mask, spacing_mm=(1.0, 1.0)).tolist()  # a tie goes to the first
        [[7, 7, 7, 9, 9, 0, 0]]
    """
    check_volume(mask, "mask")
    spacing = spacing_in_3d(spacing_mm, mask.ndim)
    if not np.issubdtype(seeds.dtype, np.integer) or seeds.shape != mask.shape:
        raise ValueError(
            f"seeds: expected integers of the mask's shape {mask.shape}, got {seeds.dtype} of shape {seeds.shape}; "
            "number the seeds 1, 2, … on the mask's grid"
        )
    result = np.zeros(mask.shape, dtype=np.int32)
    box = foreground_box(mask)
    components, n_components = label_components(mask[box])
    where = np.flatnonzero(seeds[box] != 0)
    of_component = components.reshape(-1)[where]
    where, of_component = where[of_component != 0], of_component[of_component != 0]
    if len(where) == 0:
        return result
    places = np.unravel_index(where, components.shape)
    labels = seeds[box][places]
    if labels.min() < 0 or labels.max() > np.iinfo(np.int32).max:
        raise ValueError(f"seeds: expected labels from 0 to 2^31 - 1, got {labels.min()} to {labels.max()}")
    points = in_3d(np.stack(places, axis=1))
    # By component, and near points together; `order` doubles as each point's rank in C order.
    order = np.lexsort((morton_codes(points), of_component))
    starts = np.searchsorted(of_component[order], np.arange(n_components + 2))
    spread_labels(_volume(components), points[order], order, labels.astype(np.int32), starts, spacing)
    result[box] = components
    return result


def distances_to_set_mm(points: NDArray[np.integer], target: Mask, spacing_mm: Sequence[float]) -> NDArray[np.float64]:
    """Exact Euclidean distance from each of some voxel centres to the nearest voxel centre of a set.

    Args:
        points: integer (N, ndim), voxel indices; fastest if neighbours follow each other, as from `numpy.argwhere`.
        target: bool (*S), 2D or 3D, the set
        spacing_mm: voxel size along each array axis (z, y, x), millimetres, > 0.

    Returns:
        float64 (N,), millimetres, 0 or more; inf if the set is empty.

    Raises:
        ValueError: points that are not integers (N, ndim), a target that is not boolean, or a bad spacing.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import distances_to_set_mm
        >>> target = np.array([[1, 0, 0, 0]], bool)
        >>> distances_to_set_mm(np.array([[0, 0], [0, 3]]), target, spacing_mm=(1.0, 0.5)).tolist()
        [0.0, 1.5]
    """
    check_boolean(target, "target")
    if not np.issubdtype(points.dtype, np.integer) or points.ndim != 2 or points.shape[1] != target.ndim:
        raise ValueError(
            f"points: expected voxel indices, integers of shape (N, {target.ndim}), "
            f"got {points.dtype} of shape {points.shape}"
        )
    box = foreground_box(target)
    corner = np.array([side.start for side in box])
    return PointIndex(np.argwhere(target[box]), spacing_mm).distances_mm(points - corner)


def _volume(array: np.ndarray) -> np.ndarray:
    return array if array.ndim == 3 else array[np.newaxis]
