"""Three estimates of a branch's radius: the paper's, by distance to the wall, and by volume over length."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from ramify.vessels.branches import (
    CLOSED,
    FREE,
    BoolArray,
    BranchGraph,
    FloatArray,
    IntArray,
    cluster_centres,
    voxels_of,
    without_float_noise,
)
from ramify.vessels.components import label_components
from ramify.vessels.distance import surface

# Rounds of smoothing along a centreline: a standard deviation of two voxels.
_ROUNDS = 8
# Shorter pieces of branch than this, in voxels, are measured by their distance to the wall.
_SHORTEST_CORE = 2.0


class Wall:
    """The background voxels around a mask, to measure how far from them a point in the vessel is.

    Outside the volume is no background: a vessel that leaves the volume goes on there. Only a mask without any
    background takes it.

    Args:
        mask: bool (*S) with at least one voxel.
        spacing_mm: voxel size along each axis, mm.
    """

    def __init__(self, mask: BoolArray, spacing_mm: Sequence[float]) -> None:
        self.mask, self.spacing_mm = mask, tuple(spacing_mm)

    @cached_property
    def _tree(self) -> cKDTree:
        shell = voxels_of(_shell(self.mask))
        if not len(shell):
            shell = voxels_of(_shell(np.pad(self.mask, 1))) - 1
        return cKDTree(shell * np.array(self.spacing_mm), balanced_tree=False, compact_nodes=False)

    def distance_mm(self, points_mm: FloatArray) -> FloatArray:
        """Distance from points, float (P, ndim) in mm from the first voxel's centre, to the nearest, float (P,), mm."""
        return without_float_noise(self._tree.query(points_mm)[0], self.spacing_mm)


def _shell(mask: BoolArray) -> BoolArray:
    """Background voxels that share a face with the mask: the nearest background voxel always is one of these."""
    shell = np.zeros_like(mask)
    for axis in range(mask.ndim):
        along = (slice(None),) * axis
        low, high = (*along, slice(None, -1)), (*along, slice(1, None))
        shell[low] |= mask[high]
        shell[high] |= mask[low]
    shell &= ~mask
    return shell


def paper_local_radii(
    voxels: IntArray, mask: BoolArray, spacing_mm: Sequence[float], neighbours: int = 8
) -> FloatArray:
    """Return the largest distance to the m nearest surface voxels (Sadikine et al. 2023, Eq. 1).

    Neighbours are sought within the voxel's own component, and m is capped at the number of its surface voxels. A
    component without surface, one that fills the volume, takes its voxels at the volume's border.

    Args:
        voxels: int (N, ndim), skeleton voxels inside the mask.
        mask: bool (*S).
        spacing_mm: voxel size along each axis, mm.
        neighbours: m, at least 1; the paper has 8.

    Returns:
        float (N,), mm. It is biased: a vessel one voxel wide lies on its own surface, and m = 8 reaches 4 voxels along.
    """
    if not len(voxels):
        return np.empty(0)
    component = label_components(mask)[0]
    edge = voxels_of(surface(mask))
    bare = np.setdiff1d(np.unique(component[tuple(voxels.T)]), component[tuple(edge.T)])
    if bare.size:
        outermost = np.isin(component, bare) & surface(np.pad(mask, 1))[(slice(1, -1),) * mask.ndim]
        edge = np.concatenate([edge, voxels_of(outermost)])
    # One more axis keeps components farther apart than anything within one of them.
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    apart = 4.0 * float(np.linalg.norm(np.array(mask.shape) * spacing))
    points = [np.column_stack([index * spacing, component[tuple(index.T)] * apart]) for index in (edge, voxels)]
    found = cKDTree(points[0]).query(points[1], k=min(neighbours, len(edge)))[0].reshape(len(voxels), -1)
    return without_float_noise(np.where(found < apart / 2, found, 0.0).max(axis=1), spacing_mm)


def branch_medians(values: FloatArray, branch: IntArray, n_branches: int) -> FloatArray:
    """Return the median of the values of each branch (Sadikine et al. 2023, Eq. 2).

    Args:
        values: float (N,).
        branch: int (N,), 0 .. n_branches - 1, or -1 for values of no branch.
        n_branches: number of branches; each has at least one value.
    """
    ranked = np.lexsort((values, branch))
    ranked = ranked[branch[ranked] >= 0]
    size = np.bincount(branch[ranked], minlength=n_branches)
    first = np.cumsum(size) - size
    medians: FloatArray = (values[ranked[first + (size - 1) // 2]] + values[ranked[first + size // 2]]) / 2
    return medians


def centrelines(graph: BranchGraph, spacing_mm: Sequence[float]) -> FloatArray:
    """Return the branches' paths in mm, float (M, ndim), freed of the staircase that voxels make.

    Each point is averaged with its neighbours along the path, (1 2 1) / 4, eight times over; the ends stay.
    """
    points: FloatArray = graph.voxels[graph.order].astype(np.float64) * np.asarray(spacing_mm, dtype=np.float64)
    inner = np.ones(len(points), dtype=bool)
    inner[graph.starts[:-1]] = inner[graph.starts[1:] - 1] = False
    at = np.flatnonzero(inner)
    for _ in range(_ROUNDS):
        points[at] = (points[at - 1] + 2 * points[at] + points[at + 1]) / 4
    return points


@dataclass(frozen=True, eq=False)
class _Course:
    """What is known at each position of each branch, in the order of the paths, float (M,) in mm.

    line: the point itself, float (M, ndim).
    share: the piece of centreline that belongs to the position.
    depth: distance to the wall.
    clearance: how far the position is from what the branch's ends disturb; negative within that.
    """

    line: FloatArray
    share: FloatArray
    depth: FloatArray
    clearance: FloatArray


def _course(graph: BranchGraph, wall: Wall) -> _Course:
    """Measure along the centrelines.

    What an end disturbs: at a junction all within its ball, where the thicker vessel is; at a free end a radius, the
    part where the vessel closes.
    """
    spacing = np.array(wall.spacing_mm)
    line = centrelines(graph, wall.spacing_mm)
    first, last = graph.starts[:-1], graph.starts[1:] - 1
    step = np.append(0.0, np.linalg.norm(np.diff(line, axis=0), axis=1))
    step[first] = 0.0
    share = (step + np.append(step[1:], 0.0)) / 2
    depth = wall.distance_mm(line)

    branch = graph.branch_of_position()
    reach = np.cumsum(step)
    centre, radius = cluster_centres(graph), _junction_radii(graph, wall, spacing)
    clearance = np.full(len(line), np.inf)
    for side, position in ((0, first), (1, last)):
        end = graph.ends[:, side]
        disturbed = depth[position].copy()
        joined = np.flatnonzero(end >= 0)
        gap = np.linalg.norm(graph.voxels[centre[end[joined]]] * spacing - line[position[joined]], axis=1)
        disturbed[joined] = radius[end[joined]] - gap
        disturbed[end == CLOSED] = -np.inf
        clearance = np.minimum(clearance, np.abs(reach - reach[position][branch]) - disturbed[branch])
    return _Course(line, share, depth, without_float_noise(clearance, wall.spacing_mm))


def _junction_radii(graph: BranchGraph, wall: Wall, spacing: FloatArray) -> FloatArray:
    """Largest distance to the wall within each junction cluster, float (n_clusters,), mm."""
    inside = np.flatnonzero(graph.cluster >= 0)
    radius = np.zeros(int(graph.cluster.max(initial=-1)) + 1)
    np.maximum.at(radius, graph.cluster[inside], wall.distance_mm(graph.voxels[inside] * spacing))
    return radius


def distance_radii(graph: BranchGraph, wall: Wall) -> FloatArray:
    """Return the median radius along each branch by its distance to the wall, float (n_branches,), mm.

    The distance transform, between voxels too: at each point of the smoothed centreline the largest distance d within
    half a voxel, so that a centreline beside the axis costs nothing. The nearest background voxel lies outside the wall
    by what matters in thin vessels only: r² = d² - s²/3, s² the mean square of the voxel's sides (found on oblique
    tubes of 0.6 to 8 voxels), but r is no less than d/2. What the ends disturb counts if there is nothing else.

    Args:
        graph: branches of the mask's skeleton.
        wall: the mask's wall.
    """
    return _distance_radii(graph, wall, _course(graph, wall), np.arange(graph.n_branches))


def _distance_radii(graph: BranchGraph, wall: Wall, course: _Course, chosen: IntArray) -> FloatArray:
    """Radii of the chosen branches."""
    clearest = np.maximum.reduceat(course.clearance, graph.starts[:-1])
    number = np.full(graph.n_branches, -1)
    number[chosen] = np.arange(len(chosen))
    branch = graph.branch_of_position()
    at = np.flatnonzero((course.clearance >= np.minimum(clearest, 0.0)[branch]) & (number[branch] >= 0))
    sides = np.array(wall.spacing_mm)
    around = itertools.product((-0.5, 0.0, 0.5), repeat=len(sides))
    distance = np.max([wall.distance_mm(course.line[at] + np.array(step) * sides) for step in around], axis=0)
    radius = np.sqrt(np.maximum(distance**2 - np.mean(sides**2) / 3, distance**2 / 4))
    return branch_medians(without_float_noise(radius, wall.spacing_mm), number[branch[at]], len(chosen))


def volume_radii(graph: BranchGraph, cells: IntArray, wall: Wall) -> FloatArray:
    """Return the radius of the cylinder with each branch's volume and length, float (n_branches,), mm.

    r = sqrt(V / (π L)), in two dimensions A / (2 L), over the part of the branch that its ends do not disturb; L runs
    along the smoothed centreline. A branch with less than two voxels of such a part takes its distance to the wall; if
    it is a component, the radius of the capsule with its volume, and no less than the ball that fits inside.

    Args:
        graph: branches of the mask's skeleton.
        cells: int (N,), number of mask voxels whose nearest skeleton voxel each is.
        wall: the mask's wall.
    """
    course = _course(graph, wall)
    branch, n, ndim = graph.branch_of_position(), graph.n_branches, graph.voxels.shape[1]
    volume: FloatArray = _cells_along(graph, cells).astype(np.float64) * float(np.prod(wall.spacing_mm))
    finest = min(wall.spacing_mm)

    core = course.clearance >= 0
    core_volume, core_length = (_sums(np.where(core, values, 0.0), branch, n) for values in (volume, course.share))
    long = core_length >= _SHORTEST_CORE * finest
    section = core_volume[long] / core_length[long]
    radii = np.empty(n)
    radii[long] = np.sqrt(section / np.pi) if ndim == 3 else section / 2

    short = np.flatnonzero(~long)
    radii[short] = _distance_radii(graph, wall, course, short)
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
