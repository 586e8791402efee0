"""Radii by the volume of a branch over its length: those of the cylinders that have both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from ramify.vessels.branches import FREE, BranchGraph, FloatArray, IntArray, without_float_noise
from ramify.vessels.course import measure_course
from ramify.vessels.estimators.base import Estimator, VesselTree
from ramify.vessels.estimators.distance import radii_of_chosen
from ramify.vessels.wall import Wall

if TYPE_CHECKING:
    from ramify.vessels.scale_settings import ScaleSettings

# Shorter pieces of branch than this, in voxels, are measured by their distance to the wall.
_SHORTEST_CORE = 2.0


def volume_radii(graph: BranchGraph, cells: IntArray, wall: Wall) -> FloatArray:
    """Return the radius of the cylinder with each branch's volume and length, float (n_branches,), mm.

    r = sqrt(V / (π L)), in two dimensions A / (2 L), over the part of the branch that its ends do not disturb; L runs
    along the smoothed centreline. A branch with less than two voxels of such a part takes its distance to the wall; if
    it is a component, the radius of the capsule with its volume, and no less than the ball that fits inside.

    Args:
        graph: branches of the mask's skeleton.
        cells: int (N,), number of mask voxels whose nearest skeleton voxel each is.
        wall: the mask's wall.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import Wall, skeletonize, trace_branches, volume_radii
        >>> mask = np.zeros((13, 13, 30), bool)
        >>> z, y = np.ogrid[-6:7, -6:7]
        >>> mask[:] = (z**2 + y**2 <= 16)[..., None]  # 49 voxels across: sqrt(49 / π) is 3.9
        >>> graph = trace_branches(skeletonize(mask))
        >>> volume_radii(graph, np.full(len(graph.voxels), 49), Wall(mask, (1.0, 1.0, 1.0))).round(1).tolist()
        [3.9]
    """
    course = measure_course(graph, wall)
    branch, n, ndim = graph.branch_of_position(), graph.n_branches, graph.voxels.shape[1]
    volume: FloatArray = _cells_along(graph, cells).astype(np.float64) * float(np.prod(wall.spacing_mm))
    finest = min(wall.spacing_mm)

    # Where the ends leave enough: a cylinder.
    core = course.clearance >= 0
    core_volume, core_length = (_sums(np.where(core, values, 0.0), branch, n) for values in (volume, course.share))
    long = core_length >= _SHORTEST_CORE * finest
    section = core_volume[long] / core_length[long]
    radii = np.empty(n)
    radii[long] = np.sqrt(section / np.pi) if ndim == 3 else section / 2

    # Elsewhere: the distance to the wall, or a capsule.
    short = np.flatnonzero(~long)
    radii[short] = radii_of_chosen(graph, wall, course, short)
    alone = ~long & np.all(graph.ends == FREE, axis=1)
    inscribed = np.maximum.reduceat(course.depth, graph.starts[:-1]) - finest / 2
    capsule = _capsule_radii(_sums(volume, branch, n)[alone], _sums(course.share, branch, n)[alone], ndim)
    radii[alone] = np.maximum(capsule, inscribed[alone])
    return without_float_noise(radii, wall.spacing_mm)


def _cells_along(graph: BranchGraph, cells: IntArray) -> IntArray:
    """Cells by path position; those of a branch's voxels beside its path count at the nearest position."""
    position = np.full(len(graph.voxels), -1)
    position[graph.order] = np.arange(len(graph.order))
    beside = np.flatnonzero((position < 0) & (graph.owner >= 0))
    along = cells[graph.order]
    if beside.size:
        # One more axis keeps branches apart.
        apart = 4 * int(graph.voxels.max() + 1)
        on, off = (np.column_stack([graph.voxels[at], graph.owner[at] * apart]) for at in (graph.order, beside))
        np.add.at(along, cKDTree(on).query(off)[1], cells[beside])
    return along


def _sums(values: FloatArray, branch: IntArray, n_branches: int) -> FloatArray:
    return np.bincount(branch, values, minlength=n_branches).astype(np.float64)


def _capsule_radii(volume: FloatArray, length: FloatArray, ndim: int) -> FloatArray:
    """Radius of a cylinder of that length with half a ball at each end and that volume (in two dimensions, area)."""
    if ndim == 2:
        return (np.sqrt(length**2 + np.pi * volume) - length) / np.pi
    # Newton's method from the ball of that volume: too large, and the volume is convex in the radius.
    radius = np.cbrt(3 * volume / (4 * np.pi))
    for _ in range(16):
        excess = np.pi * radius**2 * (length + 4 / 3 * radius) - volume
        radius = radius - excess / (2 * np.pi * radius * (length + 2 * radius))
    return radius


def _radii_mm(tree: VesselTree, settings: ScaleSettings) -> FloatArray:
    cells = np.bincount(tree.nearest[tree.mask] - 1, minlength=len(tree.graph.voxels))
    return volume_radii(tree.graph, cells, tree.wall)


VOLUME = Estimator(_radii_mm)
