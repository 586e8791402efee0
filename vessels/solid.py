"""The skeleton of a mask as it was meant: of the solid vessel, not of the shells around the slips of a drawing hand."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ramify.vessels.cavities import fill_cavities
from ramify.vessels.components import components_of
from ramify.vessels.skeleton import skeletonize
from ramify.vessels.voxel_rows import VoxelRows

Mask = NDArray[np.bool_]


class Solid(NamedTuple):
    """A mask with its small cavities filled, and the skeleton of that, which may run through what was filled."""

    mask: Mask
    skeleton: Mask


def skeletonize_solid(
    mask: Mask,
    spacing_mm: Sequence[float],
    largest_cavity_mm3: float | None = None,
    thinning: Callable[[Mask], Mask] | None = None,
) -> Solid:
    """Fill the small cavities of a mask and thin what that gives, so that each component keeps a centreline in itself.

    A ring about a small hole, filled, would have its whole skeleton in the hole, and none in the vessel: the cavities
    of such a component are no slips, and stay open.

    Args:
        mask: bool (*S), 2D or 3D.
        spacing_mm: voxel size along each array axis (z, y, x), millimetres, > 0.
        largest_cavity_mm3: as for `vessels.cavities.fill_cavities`.
        thinning: from a mask, bool (*S), to its skeleton, in which no component vanishes; None:
            `vessels.skeleton.skeletonize`.

    Returns:
        The mask, itself where nothing is filled, and its skeleton.

    Raises:
        ValueError: as `fill_cavities` and `skeletonize` do.
    """
    thinning = thinning or (lambda solid: skeletonize(solid, spacing_mm))
    solid = fill_cavities(mask, spacing_mm, largest_cavity_mm3)
    skeleton = thinning(solid)
    while (opened := _without_centreline(mask, solid, skeleton)) is not None:
        solid = solid & ~opened
        skeleton = thinning(solid)
    return Solid(solid, skeleton)


def _without_centreline(mask: Mask, solid: Mask, skeleton: Mask) -> Mask | None:
    """The filled cavities beside components that hold nothing of the skeleton; None where there are none."""
    if solid is mask:
        return None
    rows = VoxelRows.of(mask)
    component, count = components_of(rows)
    holds = np.bincount(component[skeleton.reshape(-1)[rows.places]], minlength=count + 1) > 0
    if holds[1:].all():
        return None
    without = np.zeros(mask.shape, dtype=bool)
    without.reshape(-1)[rows.places] = ~holds[component]
    everywhere = np.ones((3,) * mask.ndim)
    cavities, _ = ndimage.label(solid & ~mask, everywhere)
    opened = np.unique(cavities[ndimage.binary_dilation(without, everywhere)])
    return np.isin(cavities, opened[opened > 0]) if opened.any() else None
