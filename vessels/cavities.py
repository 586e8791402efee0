"""Cavities of a mask: background that the vessel encloses on all sides."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ramify.compilation import compiled
from ramify.vessels.betti import count_cavities
from ramify.vessels.box import foreground_box
from ramify.vessels.masks import check_volume
from ramify.vessels.point_index import spacing_in_3d

Mask = NDArray[np.bool_]

_A_FEW = 8
# In the working volume, which has a rim of background: the mask, background not looked at, background in the piece that
# is being followed, and background that was followed before.
_MASK, _UNKNOWN, _FOLLOWED, _KNOWN = 0, 1, 2, 3


def fill_cavities(mask: Mask, spacing_mm: Sequence[float], largest_mm3: float | None = None) -> Mask:
    """Fill the small cavities of a mask: the slips of a drawing hand, each of which turns a skeleton into a shell.

    A cavity is a piece of background (6-connected; in 2D, and in a 3D mask of a single slice, 4-connected: a hole) that
    no way leads out of; outside the volume is background, so that what touches the volume's border is none.

    Args:
        mask: bool (*S), 2D or 3D
        spacing_mm: voxel size along each array axis (z, y, x), millimetres, > 0.
        largest_mm3: volume up to which a cavity is filled, mm³ (2D: area, mm²), >= 0; 0 fills none, None fills those
            of up to eight voxels.

    Returns:
        bool (*S), a new array; the mask itself where there is nothing to fill.

    Raises:
        ValueError: a mask that is not boolean, or not 2D or 3D; a bad spacing; a volume below 0 or NaN.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import fill_cavities
        >>> mask = np.ones((5, 9), bool)
        >>> mask[2, 2] = mask[2, 5:8] = False  # a hole of one pixel and one of three
        >>> int((~fill_cavities(mask, spacing_mm=(1.0, 1.0), largest_mm3=2.0)).sum())
        3
    """
    check_volume(mask, "mask")
    voxel = float(np.prod(spacing_in_3d(spacing_mm, mask.ndim)))
    if largest_mm3 is not None and not largest_mm3 >= 0:
        raise ValueError(f"largest_mm3: expected 0 or more, in mm³ (2D: mm²), got {largest_mm3}")
    box = foreground_box(mask)
    inside = mask[box]
    most = _A_FEW if largest_mm3 is None else int(min(largest_mm3 / voxel * (1 + 1e-9), inside.size))
    if most == 0 or inside.size == 0:
        return mask

    flat = mask.ndim == 2 or mask.shape[0] == 1
    if not flat and count_cavities(inside) == 0:
        # Counted in a tenth of the time that it takes to follow each.
        return mask

    in_3d = inside if inside.ndim == 3 else inside[np.newaxis]
    # What lies around the box leads out.
    volume = np.full([size + 2 for size in in_3d.shape], _KNOWN, dtype=np.uint8)
    np.logical_not(in_3d, out=volume[1:-1, 1:-1, 1:-1].view(bool))
    found = _small_cavities(volume, np.flatnonzero(inside), most, flat)
    if not len(found):
        return mask
    filled = mask.copy()
    filled[box][tuple((found - 1)[:, 3 - mask.ndim :].T)] = True
    return filled


@compiled()
def _small_cavities(volume: np.ndarray, voxels: np.ndarray, most: int, flat: bool) -> np.ndarray:
    """Voxels of all cavities of at most so many voxels, int (N, 3).

    The first voxel of a cavity, in C order, has the mask before it along each axis: from such voxels background is
    followed until it is too much, or joins what was too much before, or leads out.

    voxels: int (M,), the mask's, as places in the volume without its rim.
    """
    found = np.empty((16, 3), dtype=np.int64)
    n_found = 0
    piece = np.empty((most, 3), dtype=np.int64)
    height, width = volume.shape[1] - 2, volume.shape[2] - 2
    for voxel in voxels:
        z, y, x = voxel // (height * width) + 1, voxel // width % height + 1, voxel % width + 2
        before = volume[z, y - 1, x]
        if not flat:
            before |= volume[z - 1, y, x]
        if volume[z, y, x] != _UNKNOWN or before != _MASK:
            continue
        size = _follow(volume, z, y, x, piece, flat)
        if size == 0:
            continue
        while n_found + size > found.shape[0]:
            larger = np.empty((2 * found.shape[0], 3), dtype=np.int64)
            larger[:n_found] = found[:n_found]
            found = larger
        found[n_found : n_found + size] = piece[:size]
        n_found += size
    return found[:n_found]


@compiled()
def _follow(volume: np.ndarray, z: int, y: int, x: int, piece: np.ndarray, flat: bool) -> int:
    """Gather the background around a voxel into `piece`; its size if it is a cavity and has room there, 0 otherwise."""
    piece[0, 0], piece[0, 1], piece[0, 2] = z, y, x
    volume[z, y, x] = _FOLLOWED
    count, done, enclosed = 1, 0, True
    while done < count and enclosed:
        for axis in range(1 if flat else 0, 3):
            for side in (-1, 1):
                other_z = piece[done, 0] + (side if axis == 0 else 0)
                other_y = piece[done, 1] + (side if axis == 1 else 0)
                other_x = piece[done, 2] + (side if axis == 2 else 0)
                state = volume[other_z, other_y, other_x]
                if state == _UNKNOWN and count < piece.shape[0]:
                    volume[other_z, other_y, other_x] = _FOLLOWED
                    piece[count, 0], piece[count, 1], piece[count, 2] = other_z, other_y, other_x
                    count += 1
                elif state != _MASK and state != _FOLLOWED:
                    enclosed = False
        done += 1
    for i in range(count):
        volume[piece[i, 0], piece[i, 1], piece[i, 2]] = _KNOWN
    return count if enclosed else 0
