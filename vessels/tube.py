"""The tubed skeleton of a label: what Skeleton Recall asks a prediction to cover (Kirchhoff et al. 2024, Alg. 1)."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize as zhang_suen

from ramify.vessels.box import foreground_box
from ramify.vessels.masks import check_volume
from ramify.vessels.solid import skeletonize_solid

Mask = NDArray[np.bool_]


def tubed_skeleton(
    mask: Mask,
    radius: int = 2,
    spacing_mm: Sequence[float] | None = None,
    skeleton: Mask | None = None,
    largest_cavity_mm3: float | None = None,
) -> Mask:
    """Thin a mask to its skeleton and thicken that to a tube inside the mask, Kirchhoff et al. 2024, Alg. 1.

        tube = dilate(skeletonize(filled mask)) ∧ mask

    Small cavities are filled before the mask is thinned, each of which would make a shell of the skeleton; the paper
    does not say so.

    The skeleton is Zhang and Suen's in 2D and Lee's in 3D, as in the paper; Lee's as `vessels.skeleton.skeletonize` has
    it, so that no vessel goes without. The dilation is by a diamond, all voxels whose offsets add up to at most the
    radius, of as many dimensions as the mask. (The paper says "a diamond kernel of
    radius 2"; its published code dilates twice by the cross of the mask's own dimension, which is the same.)
    The dilation is not geodesic: where two branches run within the radius of each other, the tube of one may reach
    into the other, as in the paper.

    Args:
        mask: bool (*S), 2D or 3D, one vascular tree; of several, see `tubed_skeleton_of_classes`.
        radius: of the diamond, voxels, 0 (the bare skeleton) or more.
        spacing_mm: as for `vessels.skeleton.skeletonize`.
        skeleton: bool (*S), what is thickened, where it is known already.
        largest_cavity_mm3: as for `vessels.cavities.fill_cavities`; None: those of up to eight voxels are filled.

    Returns:
        bool (*S), a subset of the mask that meets each of its components; empty for an empty mask.

    Raises:
        ValueError: a mask that is not boolean, or not 2D or 3D; a radius that is not an integer of 0 or more; a bad
            spacing, or volume of cavities.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import tubed_skeleton
        >>> mask = np.ones((9, 31), bool)
        >>> np.flatnonzero(tubed_skeleton(mask, radius=2)[:, 15]).tolist()  # five voxels around the middle
        [2, 3, 4, 5, 6]
    """
    check_volume(mask, "mask")
    if isinstance(radius, bool) or not isinstance(radius, int | np.integer) or radius < 0:
        raise ValueError(f"radius: expected an integer of 0 or more, in voxels, got {radius!r}")
    tube = np.zeros(mask.shape, dtype=bool)
    box = foreground_box(mask)
    inside = np.ascontiguousarray(mask[box])
    if inside.size == 0:
        return tube
    if skeleton is None:
        spacing = (1.0,) * mask.ndim if spacing_mm is None else spacing_mm
        # Lee's thinning crops by itself, and must see whether the whole volume is a single slice.
        thinning = None if mask.ndim == 3 else zhang_suen
        thin = skeletonize_solid(mask, spacing, largest_cavity_mm3, thinning).skeleton[box]
    else:
        thin = skeleton[box]
    np.logical_and(_dilated(thin, int(radius)), inside, out=tube[box])
    return tube


def tubed_skeleton_of_classes(
    labels: NDArray[Any],
    classes: Sequence[Sequence[int]],
    radius: int = 2,
    spacing_mm: Sequence[float] | None = None,
) -> Mask:
    """The tubed skeletons of the classes of a label map, each thinned by itself, as one.

    Two trees that touch keep a centreline each, which their union would not have. (The paper thins the union of all
    classes and multiplies by the labels last.) `tube & (labels == label)` is the tube of a class.

    Args:
        labels: numbers (*S), 2D or 3D.
        classes: the label values of each class; one that several values share is thinned as one.
        radius, spacing_mm: as for `tubed_skeleton`.

    Returns:
        bool (*S).

    Raises:
        ValueError: as `tubed_skeleton` does.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import tubed_skeleton_of_classes
        >>> labels = np.repeat([1, 2], 7)[:, np.newaxis] * np.ones(31, int)  # two vessels side by side
        >>> np.flatnonzero(tubed_skeleton_of_classes(labels, [(1,), (2,)], radius=0)[:, 15]).tolist()
        [3, 10]
        >>> np.flatnonzero(tubed_skeleton_of_classes(labels, [(1, 2)], radius=0)[:, 15]).tolist()
        [6]
    """
    tube = np.zeros(labels.shape, dtype=bool)
    for values in classes:
        tube |= tubed_skeleton(np.isin(labels, list(values)), radius, spacing_mm)
    return tube


def _dilated(skeleton: Mask, radius: int) -> Mask:
    """A thin set dilated by a diamond: voxel by voxel of the set, which is far quicker than over the whole volume."""
    padded = np.pad(skeleton, radius)
    offsets = itertools.product(range(-radius, radius + 1), repeat=skeleton.ndim)
    diamond = np.array([offset for offset in offsets if sum(map(abs, offset)) <= radius])
    # The padding keeps every offset inside the array, so that one number leads from a voxel to its neighbour.
    steps = diamond @ np.array([stride // padded.itemsize for stride in padded.strides])
    flat = padded.reshape(-1)
    voxels = np.flatnonzero(flat)
    for step in steps:
        flat[voxels + step] = True
    return padded[(slice(radius, -radius or None),) * skeleton.ndim]
