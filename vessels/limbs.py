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

from ramify.vessels.branches import voxels_of
from ramify.vessels.limb_kernels import (
    COVERED,
    SKELETON,
    VESSEL,
    allow_for_walls,
    centre_lone_voxels,
    cover,
    extend,
    find_end,
    gather_pieces,
    lengthen_end,
    route_to_skeleton,
    skeleton_ends,
)

# In voxel sides, the coarsest: what reaches less far is hardly there.
_LEAST_REACH, _LEAST_LENGTHENING = 2.0, 1.0


def restore_limbs(volume: NDArray[np.uint8], spacing_mm: Sequence[float], flat: bool) -> None:
    """Lead a skeleton on to its ends and into every limb; its topology stays what it is.

    A limb ends in the centre of the largest ball that reaches to its farthest voxel. From there a path leads back to
    the skeleton, the shortest where a step costs its length over the squared distance to the wall; what the path does
    not stand for is looked at again, until no limb is left.

    Args:
        volume: uint8 (Z, Y, X), with background or OUTSIDE all round; VESSEL in the mask and SKELETON in its skeleton,
            of which every component of the mask has a voxel. SKELETON is added to in place.
        spacing_mm: voxel size along the three axes, mm.
        flat: the mask is a single slice, which has no wall above and below.
    """
    spacing = tuple(float(side) for side in spacing_mm)
    coarsest = max(spacing[1:] if flat else spacing)

    skeleton = voxels_of(volume & SKELETON != 0)
    centre_lone_voxels(volume, skeleton, spacing, flat)
    for end in skeleton_ends(volume, skeleton):
        lengthen_end(volume, end, spacing, _LEAST_LENGTHENING * coarsest, flat)

    widest = cover(volume, voxels_of(volume & SKELETON != 0), spacing, flat)
    waiting = _pieces(volume, voxels_of(volume & (VESSEL | COVERED) == VESSEL))
    while waiting:
        piece = waiting.pop()
        end = find_end(volume, piece, spacing, _LEAST_REACH * coarsest, flat)
        if end < 0:
            continue
        low, high = _room_around(piece, widest, spacing, volume.shape)
        path = extend(volume, route_to_skeleton(volume, piece[end], low, high, spacing, flat))
        if len(path):
            widest = max(widest, cover(volume, path, spacing, flat))
            waiting += _pieces(volume, piece)


def _pieces(volume: NDArray[np.uint8], voxels: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Those of some voxels that no ball stands for, int (N, 3), by pieces; every piece they touch is whole in them."""
    allow_for_walls(volume, voxels)
    gathered, starts = gather_pieces(volume, voxels)
    return [gathered[first:last] for first, last in itertools.pairwise(starts)]


def _room_around(
    piece: NDArray[np.int64], widest_mm: float, spacing_mm: Sequence[float], shape: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last+1 index of a box around a piece in which its way to the skeleton lies."""
    margin = np.ceil(widest_mm / np.array(spacing_mm)).astype(np.int64) + 2
    return np.maximum(piece.min(axis=0) - margin, 0), np.minimum(piece.max(axis=0) + margin + 1, shape)
