"""Distances in millimetres between voxels: who is nearest, how far, and where a mask's surface is.

What is computed here does not depend on where in the array the mask lies: every comparison is between distances of
integer offsets, and ties go to the voxel that comes first in C order.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ramify.vessels.box import foreground_box
from ramify.vessels.components import components_of
from ramify.vessels.masks import check_boolean, check_volume
from ramify.vessels.nearest_kernels import morton_codes, nearest_in_rows
from ramify.vessels.point_index import PointIndex, in_3d, spacing_in_3d
from ramify.vessels.voxel_rows import VoxelRows

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


def at_surface(mask: Mask, places: NDArray[np.integer]) -> Mask:
    """Which voxels of a mask, by their places in it laid flat, integer (N,), are of its `surface`; bool (N,).

    Without a map of the whole volume, which for few voxels would be most of the work.
    """
    flat, found = mask.reshape(-1), np.zeros(len(places), dtype=bool)
    for has_one, neighbours in face_neighbours(places, mask.shape):
        found[has_one] |= ~flat[neighbours]
    found &= flat[places]
    return found


def face_neighbours(places: NDArray[np.integer], shape: Sequence[int]) -> Iterator[tuple[Mask, NDArray[np.integer]]]:
    """The voxels that share a face with some, side by side along each axis.

    Args:
        places: integer (N,), indices into the flat volume.
        shape: of the volume.

    Yields:
        for each of the 2 ndim sides which voxels have a neighbour in the volume there, bool (N,), and the places of
        these neighbours.
    """
    stride = 1
    for size in shape[::-1]:
        along = places // stride % size
        for has_one, step in ((along > 0, -stride), (along < size - 1, stride)):
            yield has_one, places[has_one] + step
        stride *= size


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
    spacing_in_3d(spacing_mm, mask.ndim)
    if not np.issubdtype(seeds.dtype, np.integer) or seeds.shape != mask.shape:
        raise ValueError(
            f"seeds: expected integers of the mask's shape {mask.shape}, got {seeds.dtype} of shape {seeds.shape}; "
            "number the seeds 1, 2, … on the mask's grid"
        )
    result = np.zeros(mask.shape, dtype=np.int32)
    box = foreground_box(mask)
    rows = VoxelRows.of(mask[box])
    labels = seeds[box].reshape(-1)[rows.places]
    where = np.flatnonzero(labels)
    if len(where) == 0:
        return result
    labels = labels[where]
    if labels.min() < 0 or labels.max() > np.iinfo(np.int32).max:
        raise ValueError(f"seeds: expected labels from 0 to 2^31 - 1, got {labels.min()} to {labels.max()}")
    nearest = nearest_among(rows, where, spacing_mm)
    result[box][np.unravel_index(rows.places, rows.shape)] = np.append(0, labels).astype(np.int32)[nearest]
    return result


def nearest_among(rows: VoxelRows, chosen: NDArray[np.integer], spacing_mm: Sequence[float]) -> NDArray[np.int32]:
    """Which of some of a mask's voxels is nearest to each voxel, in its own component, as `nearest_label` has it.

    Args:
        rows: the voxels of the mask.
        chosen: integer (K,), rising, numbers of the voxels that are looked for.
        spacing_mm: voxel size along each array axis, millimetres, > 0.

    Returns:
        int32 (N,), place in `chosen` from 1, 0 in components without one.
    """
    components, n_components = components_of(rows)
    of_component = components[chosen]
    points = in_3d(np.stack(np.unravel_index(rows.places[chosen], rows.shape), axis=1))
    # By component, and near points together; `order` doubles as each point's rank in C order.
    order = np.lexsort((morton_codes(points), of_component))
    starts = np.searchsorted(of_component[order], np.arange(n_components + 2))
    spacing = spacing_in_3d(spacing_mm, len(rows.shape))
    nearest: NDArray[np.int32] = nearest_in_rows(
        rows.columns, rows.starts, rows.rows_in_a_plane, components, points[order], order, starts, spacing
    )
    return nearest


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
