"""The skeleton of a mask: one voxel wide, of the mask's topology, as long as the vessels are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ramify.vessels.box import foreground_box
from ramify.vessels.inscribed_balls import OUTSIDE, SKELETON, VESSEL
from ramify.vessels.limbs import restore_limbs
from ramify.vessels.masks import check_volume
from ramify.vessels.point_index import spacing_in_3d
from ramify.vessels.sparse_zeros import sparse_zeros
from ramify.vessels.thinning_kernel import FACES_2D, FACES_3D, border_voxels, thin

Mask = NDArray[np.bool_]


def skeletonize(mask: Mask, spacing_mm: Sequence[float] | None = None) -> Mask:
    """Thin a mask to its skeleton, Lee et al. 1994 ("Building skeleton models via 3-D medial surface/axis thinning").

    Voxel for voxel the result of `skimage.morphology.skeletonize(mask, method="lee")`, and more where that loses
    vessels: its sequential stage, which tests connectivity but not for end points, eats whole tubes of even width.
    A voxel that has no neighbour left is never deleted, so that no component vanishes; and where a part of a vessel
    reaches out of what the skeleton stands for, farther than it is thick, the skeleton is led to its end again
    (`vessels.limbs`): a box of 4 x 4 x 20 voxels becomes a line of 18.

    Every mask and its skeleton have the same number of components, tunnels and cavities (26-connected foreground and
    6-connected background; 8 and 4 in 2D). Thinning takes what is outside the volume for background. A 2D mask is
    thinned from its four sides in the plane, and so is, as in scikit-image, a 3D mask of a single slice.

    Args:
        mask: bool (*S), 2D or 3D
        spacing_mm: voxel size along each array axis (z, y, x), millimetres, > 0, by which the reach of a part is
            measured; unset: voxels are cubes. Thinning itself knows no spacing.

    Returns:
        bool (*S); empty for an empty mask.

    Raises:
        ValueError: a mask that is not boolean, or not 2D or 3D; a bad spacing.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import skeletonize
        >>> mask = np.zeros((6, 6, 22), bool)
        >>> mask[1:5, 1:5, 1:21] = True  # a box of 4 x 4 x 20 voxels
        >>> int(skeletonize(mask).sum())  # a line
        18
    """
    check_volume(mask, "mask")
    spacing = spacing_in_3d((1.0,) * mask.ndim if spacing_mm is None else spacing_mm, mask.ndim)
    skeleton = sparse_zeros(mask.shape, bool)
    box = foreground_box(mask)
    inside = mask[box]
    if inside.size == 0:
        return skeleton
    single_slice = mask.ndim == 2 or mask.shape[0] == 1
    volume, voxels = _thinned(inside, FACES_2D if single_slice else FACES_3D)
    if len(voxels) < inside.size:
        _open_at_borders(volume, box, mask.shape)
    restore_limbs(volume, voxels, spacing, flat=single_slice)
    left = voxels[volume.reshape(-1)[voxels] & SKELETON != 0]
    corner = [side.start for side in box]
    within = np.stack(np.unravel_index(left, volume.shape), axis=1)[:, 3 - mask.ndim :] - 1
    skeleton[tuple((within + corner).T)] = True
    return skeleton


def _thinned(inside: Mask, faces: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """What is in the box in 3D, with background all round: VESSEL in the mask, SKELETON where thinning leaves it.

    Returns it with the places of the mask's voxels in the flat volume, rising: vessels are few among all.
    """
    in_3d = inside if inside.ndim == 3 else inside[np.newaxis]
    volume: NDArray[np.uint8] = sparse_zeros([size + 2 for size in in_3d.shape], np.uint8)
    volume[1:-1, 1:-1, 1:-1] = in_3d
    flat = volume.reshape(-1)
    voxels = np.flatnonzero(flat.view(bool))
    thin(flat, volume.shape, border_voxels(flat, volume.shape, voxels), faces)
    flat[voxels] = flat[voxels] & SKELETON | VESSEL
    return volume, voxels


def _open_at_borders(volume: NDArray[np.uint8], box: tuple[slice, ...], shape: tuple[int, ...]) -> None:
    """Mark what surrounds the box as OUTSIDE where the volume ends with it: there a vessel goes on and has no wall."""
    for axis, (side, length) in enumerate(zip(box, shape), start=3 - len(shape)):
        for at_border, layer in ((side.start == 0, 0), (side.stop == length, -1)):
            if at_border:
                np.moveaxis(volume, axis, 0)[layer] = OUTSIDE
