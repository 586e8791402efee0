"""Radii by the cross-sections of a branch: volume over length, place by place, and their median (Eq. 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from ramify.vessels.branches import FREE, BranchGraph, FloatArray, IntArray, branch_medians, without_float_noise
from ramify.vessels.course import Course, measure_course, sums_of_branches
from ramify.vessels.estimators.base import Estimator, VesselTree
from ramify.vessels.estimators.distance import radii_of_chosen
from ramify.vessels.wall import Wall

if TYPE_CHECKING:
    from ramify.vessels.scale_settings import ScaleSettings

# Rounds of (1 2 1) / 4 along a branch before volume is divided by length: a standard deviation of 1.4 voxels, about as
# far as the voxels nearest to one centreline voxel lie ahead of it or behind it.
_ROUNDS = 4
# A branch with fewer is measured by its distance to the wall.
_FEWEST_SECTIONS = 2


def volume_radii(graph: BranchGraph, cells: IntArray, wall: Wall, course: Course | None = None) -> FloatArray:
    """Return the median radius along each branch by its cross-sections, float (n_branches,), mm.

    A cross-section's area is volume over length, both summed over a few voxels of the smoothed centreline, and its
    radius that of the disc of that area, r = sqrt(V / (π L)); in two dimensions r = A / (2 L). The median (Sadikine et
    al. 2023, Eq. 2), over the part of the branch that its ends do not disturb, is not moved by a blob on a thin vessel.
    A branch with less than two voxels in such a part takes its distance to the wall; if it is a component, the radius
    of the capsule with its volume, no shorter than its voxels and no thinner than the ball that fits inside.

    Args:
        graph: branches of the mask's skeleton.
        cells: int (N,), number of mask voxels whose nearest skeleton voxel each is.
        wall: the mask's wall.
        course: of the graph's branches; None: measured here.

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
    course = course or measure_course(graph, wall)
    branch, n, ndim = graph.branch_of_position(), graph.n_branches, graph.voxels.shape[1]
    volume: FloatArray = _cells_along(graph, cells).astype(np.float64) * float(np.prod(wall.spacing_mm))
    finest = min(wall.spacing_mm)

    # Where the ends leave enough: cross-sections.
    long = course.clear_positions(graph) >= _FEWEST_SECTIONS
    at = np.flatnonzero((course.clearance >= 0) & long[branch])
    around, length = (course.spread(graph, values, _ROUNDS)[at] for values in (volume, course.share))
    local = np.sqrt(around / (np.pi * length)) if ndim == 3 else around / (2 * length)
    number = np.cumsum(long) - 1
    radii = np.empty(n)
    radii[long] = branch_medians(local, number[branch[at]], int(long.sum()))

    # Elsewhere: the distance to the wall, or a capsule.
    short = np.flatnonzero(~long)
    radii[short] = radii_of_chosen(graph, wall, course, short)
    alone = ~long & np.all(graph.ends == FREE, axis=1)
    inscribed = np.maximum.reduceat(course.depth, graph.starts[:-1]) - finest / 2
    whole, extent = (sums_of_branches(graph, values)[alone] for values in (volume, course.share))
    radii[alone] = np.maximum(_capsule_radii(whole, extent, wall.spacing_mm), inscribed[alone])
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


def _capsule_radii(volume: FloatArray, length: FloatArray, spacing_mm: tuple[float, ...]) -> FloatArray:
    """Radius of a cylinder of that length with half a ball at each end and that volume (in two dimensions, area).

    The half balls are together no shorter than a voxel: a vessel one voxel wide keeps its end voxels when it is
    thinned, and a lone voxel is as thick as a line of them.
    """
    side = float(np.prod(spacing_mm)) ** (1 / len(spacing_mm))
    if len(spacing_mm) == 2:
        radius = (np.sqrt(length**2 + np.pi * volume) - length) / np.pi
        return np.where(np.pi / 2 * radius < side, volume / (2 * (length + side)), radius)
    # Newton's method from the ball of that volume: too large, and the volume is convex in the radius.
    radius = np.cbrt(3 * volume / (4 * np.pi))
    for _ in range(16):
        excess = np.pi * radius**2 * (length + 4 / 3 * radius) - volume
        radius = radius - excess / (2 * np.pi * radius * (length + 2 * radius))
    return np.where(4 / 3 * radius < side, np.sqrt(volume / (np.pi * (length + side))), radius)


def _radii_mm(tree: VesselTree, settings: ScaleSettings) -> FloatArray:
    cells = np.bincount(tree.nearest - 1, minlength=len(tree.graph.voxels))
    return volume_radii(tree.graph, cells, tree.wall, tree.course)


VOLUME = Estimator(_radii_mm)
