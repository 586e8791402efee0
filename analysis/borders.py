"""How much likelier an end is a root where a border cuts it."""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from ramify.analysis.branch_curves import BranchCurves
from ramify.vessels.branches import BoolArray, FloatArray, voxels_of
from ramify.vessels.distance import surface

# What the radius of an end counts: a volume cuts large vessels, but to the border of an organ small ones come, too.
_AT_VOLUME, _AT_ORGAN = 2.0, 1.25


def border_weights(
    paths: BranchCurves, shape: Sequence[int], spacing_mm: tuple[float, ...], organ: BoolArray | None
) -> FloatArray:
    """How often the radius of an end at each node counts, float (K,).

    At a border it is no farther from it than the vessel's radius and a voxel, or beyond the organ's.
    """
    spacing, points = np.array(spacing_mm), paths.nodes_mm
    last = (np.array(shape) - 1) * spacing
    weights = np.ones(len(points))
    if organ is not None:
        voxels = np.clip(np.rint(points / spacing).astype(np.int64), 0, np.array(shape) - 1)
        edge: FloatArray = voxels_of(surface(organ)) * spacing
        gap = cKDTree(edge).query(points)[0] if len(edge) else np.full(len(points), np.inf)
        weights[~organ[tuple(voxels.T)] | (gap <= paths.node_radii_mm + spacing.max())] = _AT_ORGAN
    weights[((points <= spacing) | (points >= last - spacing)).any(axis=1)] = _AT_VOLUME
    return weights
