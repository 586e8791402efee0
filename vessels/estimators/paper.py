"""Radii as in Sadikine et al. 2023, Eq. 1 and 2: to the nearest voxels of the surface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from ramify.vessels.branches import BoolArray, FloatArray, IntArray, branch_medians, voxels_of, without_float_noise
from ramify.vessels.distance import surface
from ramify.vessels.estimators.base import Estimator, VesselTree, VoxelLabels
from ramify.vessels.territory import nearest_branch

if TYPE_CHECKING:
    from ramify.vessels.scale_settings import ScaleSettings


def paper_local_radii(
    voxels: IntArray, mask: BoolArray, spacing_mm: Sequence[float], neighbours: int = 8
) -> FloatArray:
    """Return the largest distance to the m nearest surface voxels (Sadikine et al. 2023, Eq. 1).

    Neighbours are sought on the whole surface Ω, whichever vessel they belong to; m is capped at the number of its
    voxels. Beyond the equation: a mask without surface, one that fills its volume, takes its voxels at the volume's
    border, and no radius is below half the finest voxel side, which a mask of one voxel and m = 1 would give.

    Args:
        voxels: int (N, ndim), skeleton voxels inside the mask.
        mask: bool (*S).
        spacing_mm: voxel size along each axis, mm.
        neighbours: m, at least 1; the paper has 8.

    Returns:
        float (N,), mm. It is biased: a vessel one voxel wide lies on its own surface, and m = 8 reaches 4 voxels along.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import paper_local_radii
        >>> mask = np.zeros((13, 13, 30), bool)
        >>> z, y = np.ogrid[-6:7, -6:7]
        >>> mask[:] = (z**2 + y**2 <= 16)[..., None]  # a tube of radius 4
        >>> paper_local_radii(np.array([[6, 6, 15]]), mask, (1.0, 1.0, 1.0)).round(1).tolist()
        [3.2]
    """
    if not len(voxels):
        return np.empty(0)
    edge = voxels_of(surface(mask))
    if not len(edge):
        edge = voxels_of(surface(np.pad(mask, 1))) - 1
    points = [index * np.asarray(spacing_mm, dtype=np.float64) for index in (edge, voxels)]
    found = cKDTree(points[0]).query(points[1], k=min(neighbours, len(edge)))[0].reshape(len(voxels), -1)
    return without_float_noise(np.maximum(found.max(axis=1), min(spacing_mm) / 2), spacing_mm)


def _radii_mm(tree: VesselTree, settings: ScaleSettings) -> FloatArray:
    """The median of the local radii along each branch (Eq. 2)."""
    local = paper_local_radii(tree.graph.voxels, tree.mask, tree.spacing_mm, settings.surface_neighbours)
    return branch_medians(local, tree.graph.owner, tree.graph.n_branches)


def _territory(tree: VesselTree, radii_mm: FloatArray) -> VoxelLabels:
    """To each voxel the branch of the nearest skeleton voxel (Eq. 3)."""
    return nearest_branch(tree.graph, radii_mm, tree.nearest)


PAPER = Estimator(_radii_mm, _territory, prune_spurs=False, fill_cavities=False, weigh="branches", turned_first=False)
