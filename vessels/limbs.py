"""Bring back the limbs that thinning ate: parts of a vessel that its skeleton does not stand for.

Lee's thinning tests connectivity voxel by voxel, but looks for ends only before it takes off a layer: a side vessel two
voxels wide, or of any even width, may be eaten from its end to the trunk. What is left has the mask's topology, and
lacks its vessels.

A skeleton voxel stands for the largest ball around it that fits into the vessel, and all balls for the voxels that
touch them. What is left of the vessel is a limb where it reaches farther out than it is thick, and the roughness of a
wall where it does not. The ends of the skeleton themselves, which thinning may have drawn back, are led on first.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from ramify.vessels.end_kernels import centre_lone_voxels, lengthen_end, skeleton_ends
from ramify.vessels.inscribed_balls import COVERED, NO_WALL, SKELETON, VESSEL, Spacing, allow_for_walls, cover
from ramify.vessels.limb_kernels import extend, fill_depths, find_end, gather_pieces, reaches, route_to_skeleton

# In voxel sides, the coarsest: what reaches less far is hardly there.
_LEAST_REACH, _LEAST_LENGTHENING = 2.0, 1.0
# Voxels of a box around a limb from which on all distances to the wall are taken at once, which costs the same each.
_MANY = 30_000

Voxels = NDArray[np.int64]
Depths = NDArray[np.float64]


def restore_limbs(volume: NDArray[np.uint8], places: Voxels, spacing_mm: Sequence[float], flat: bool) -> None:
    """Lead a skeleton on to its ends and into every limb; its topology stays what it is.

    A limb ends in the centre of the largest ball that reaches to its farthest voxel. From there a path leads back to
    the skeleton, the shortest where a step costs its length over the squared distance to the wall; what the path does
    not stand for is looked at again, until no limb is left.

    Args:
        volume: uint8 (Z, Y, X), with background or OUTSIDE all round; VESSEL in the mask and SKELETON in its skeleton,
            of which every component of the mask has a voxel. SKELETON is added to in place.
        places: int (N,), where its VESSEL voxels are in the flat volume, rising.
        spacing_mm: voxel size along the three axes, mm.
        flat: the mask is a single slice, which has no wall above and below.
    """
    z, y, x = (float(side) for side in spacing_mm)
    spacing = (z, y, x)
    coarsest = max(spacing[1:] if flat else spacing)

    skeleton = _voxels_with(volume, places, SKELETON, SKELETON)
    centre_lone_voxels(volume, skeleton, spacing, flat)
    for end in skeleton_ends(volume, skeleton):
        lengthen_end(volume, end, spacing, _LEAST_LENGTHENING * coarsest, flat)

    cover(volume, _voxels_with(volume, places, SKELETON, SKELETON), spacing, flat)
    waiting = _pieces(volume, _voxels_with(volume, places, VESSEL | COVERED, VESSEL))
    while waiting:
        piece = waiting.pop()
        reach = reaches(volume, piece, spacing)
        if reach.max() <= _LEAST_REACH * coarsest:
            continue
        path = extend(volume, _way_back(volume, piece, reach, spacing, flat))
        if len(path):
            cover(volume, path, spacing, flat)
            waiting += _pieces(volume, piece)


def _voxels_with(volume: NDArray[np.uint8], places: Voxels, bits: int, wanted: int) -> Voxels:
    """The voxels at some places of the flat volume of whose bits those are set that are wanted, int (K, 3)."""
    found = places[volume.reshape(-1)[places] & np.uint8(bits) == wanted]
    return np.stack(np.unravel_index(found, volume.shape), axis=1)


def _pieces(volume: NDArray[np.uint8], voxels: Voxels) -> list[Voxels]:
    """Those of some voxels that no ball stands for, int (N, 3), by pieces; every piece they touch is whole in them."""
    allow_for_walls(volume, voxels)
    gathered, starts = gather_pieces(volume, voxels)
    return [gathered[first:last] for first, last in itertools.pairwise(starts)]


def _way_back(
    volume: NDArray[np.uint8], piece: Voxels, reach: NDArray[np.float64], spacing: Spacing, flat: bool
) -> Voxels:
    """The way from the end of a limb to the skeleton, int (N, 3); nothing for a piece that is as thick as it reaches.

    It is sought in a box around the limb, which grows until the skeleton is in it.
    """
    margin = 4
    while True:
        low = np.maximum(piece.min(axis=0) - margin, 0)
        high = np.minimum(piece.max(axis=0) + margin + 1, volume.shape)
        depths = _depths(volume, piece, low, high, spacing, flat)
        depth = depths[tuple((piece - low).T)]
        if reach.max() <= 2 * depth.max():
            return piece[:0]
        end = piece[find_end(piece, reach, depth, spacing)]
        path: Voxels = route_to_skeleton(volume, end, low, depths, spacing, flat)
        if len(path) or not (low.any() or np.any(high < volume.shape)):
            return path
        margin *= 3


def _depths(
    volume: NDArray[np.uint8], piece: Voxels, low: Voxels, high: Voxels, spacing: Spacing, flat: bool
) -> Depths:
    """Distances to the wall in a box, mm: of a piece's voxels, and 0 elsewhere, or in a large box of all voxels.

    In a large box the wall outside it is not seen: no harm, as nothing in it is then narrower than it seems by more
    than the way to the box's border.
    """
    if np.prod(high - low) <= _MANY:
        depths = np.zeros(tuple(high - low))
        fill_depths(volume, piece, low, spacing, flat, depths)
        return depths
    no_wall = volume[tuple(map(slice, low, high))] & NO_WALL != 0
    if no_wall.all():
        return np.full(no_wall.shape, np.inf)
    if not flat:
        return np.asarray(distance_transform_edt(no_wall, sampling=spacing), dtype=np.float64)
    return np.stack([distance_transform_edt(plane, sampling=spacing[1:]) for plane in no_wall])
