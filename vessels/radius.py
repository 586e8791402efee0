"""Three estimates of a branch's radius: the paper's, by distance to the wall, and by volume over length."""

from collections.abc import Sequence
from dataclasses import dataclass

import cc3d
import numpy as np
from scipy.spatial import cKDTree

from vessels.branches import (
    CLOSED,
    FREE,
    BoolArray,
    BranchGraph,
    FloatArray,
    IntArray,
    cluster_centres,
    without_float_noise,
)
from vessels.distance import surface

_ROUNDS = 8


class Wall:
    """The background voxels around a mask, to measure how far from them a point in the vessel is.

    Outside the volume is no background: a vessel that leaves the volume goes on there. Only a mask without any
    background takes it.

    Args:
        mask: bool (*S) with at least one voxel.
        spacing_mm: voxel size along each axis, mm.
    """

    def __init__(self, mask: BoolArray, spacing_mm: Sequence[float]) -> None:
        self.spacing = np.asarray(spacing_mm, dtype=np.float64)
        shell = np.argwhere(_shell(mask))
        if not len(shell):
            shell = np.argwhere(_shell(np.pad(mask, 1))) - 1
        self.tree = cKDTree(shell * self.spacing)

    def distance_mm(self, points_mm: FloatArray) -> FloatArray:
        """Distance from points, float (P, ndim) in mm from the first voxel's centre, to the nearest, float (P,), mm."""
        return without_float_noise(self.tree.query(points_mm)[0], self.spacing.tolist())


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
    component = cc3d.connected_components(mask, connectivity=26 if mask.ndim == 3 else 8)
    edge = np.argwhere(surface(mask))
    bare = np.setdiff1d(np.unique(component[tuple(voxels.T)]), component[tuple(edge.T)])
    if bare.size:
        outermost = np.isin(component, bare) & surface(np.pad(mask, 1))[(slice(1, -1),) * mask.ndim]
        edge = np.concatenate([edge, np.argwhere(outermost)])
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
    return (values[ranked[first + (size - 1) // 2]] + values[ranked[first + size // 2]]) / 2


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
    """Where each position of each branch lies along its centreline, all float (M,) in mm.

    share: the piece of centreline that belongs to the position. depth: distance to the wall.
    margin: how far the position is inside the part of its branch that is free of its ends' influence (negative: out).
    """

    share: FloatArray
    depth: FloatArray
    margin: FloatArray


def _course(graph: BranchGraph, wall: Wall, spacing_mm: Sequence[float]) -> _Course:
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    line = centrelines(graph, spacing_mm)
    step = np.append(np.linalg.norm(np.diff(line, axis=0), axis=1), 0.0)
    last = graph.starts[1:] - 1
    step[last] = 0.0
    before = np.append(0.0, step[:-1])
    share = (step + before) / 2
    depth = wall.distance_mm(line)

    branch = graph.branch_of_position()
    reach = np.cumsum(before)
    from_start = reach - reach[graph.starts[:-1]][branch]
    from_end = reach[last][branch] - reach
    centre = cluster_centres(graph)
    radius = junction_radii(graph, wall, spacing_mm)
    margins = []
    for side, position, along in ((0, graph.starts[:-1], from_start), (1, last, from_end)):
        end = graph.ends[:, side]
        influence = depth[position].copy()
        joined = np.flatnonzero(end >= 0)
        gap = np.linalg.norm(graph.voxels[centre[end[joined]]] * spacing - line[position[joined]], axis=1)
        influence[joined] = radius[end[joined]] - gap
        influence[end == CLOSED] = -np.inf
        margins.append(along - influence[branch])
    return _Course(share, depth, np.minimum(*margins))


def junction_radii(graph: BranchGraph, wall: Wall, spacing_mm: Sequence[float]) -> FloatArray:
    """Return the largest distance to the wall within each junction cluster, float (n_clusters,), mm."""
    inside = np.flatnonzero(graph.cluster >= 0)
    radius = np.zeros(int(graph.cluster.max(initial=-1)) + 1)
    np.maximum.at(radius, graph.cluster[inside], wall.distance_mm(graph.voxels[inside] * np.asarray(spacing_mm)))
    return radius


def distance_radii(graph: BranchGraph, wall: Wall, spacing_mm: Sequence[float]) -> FloatArray:
    """Return the median distance from each branch's centreline to the background, float (n_branches,), mm.

    Args:
        graph: branches of the mask's skeleton.
        wall: the mask's wall.
        spacing_mm: voxel size along each axis, mm.

    The centreline is smoothed, so that it runs between voxels where the vessel does; the positions inside a junction's
    sphere do not count unless there are no others.
    """
    return _distance_radii(graph, _course(graph, wall, spacing_mm))


def _distance_radii(graph: BranchGraph, course: _Course) -> FloatArray:
    branch = graph.branch_of_position()
    best = np.maximum.reduceat(course.margin, graph.starts[:-1])
    counts = course.margin >= np.minimum(best, 0.0)[branch]
    return branch_medians(course.depth, np.where(counts, branch, -1), graph.n_branches)


def volume_radii(graph: BranchGraph, cells: FloatArray, wall: Wall, spacing_mm: Sequence[float]) -> FloatArray:
    """Return the radius of the cylinder with each branch's volume and length, float (n_branches,), mm.

    r = sqrt(V / (π L)), in two dimensions A / (2 L).

    Args:
        graph: branches of the mask's skeleton.
        cells: float (M,), number of mask voxels nearest to each path position.
        wall: the mask's wall.
        spacing_mm: voxel size along each axis, mm.
    """
    course = _course(graph, wall, spacing_mm)
    radii = _distance_radii(graph, course)
    branch = graph.branch_of_position()
    core = course.margin >= 0

    def total(values: FloatArray) -> FloatArray:
        return _sums(np.where(core, values, 0.0), branch, graph.n_branches)

    volume, length = total(cells) * float(np.prod(spacing_mm)), total(course.share)
    long = length >= MIN_CORE * np.asarray(spacing_mm).min()
    section = volume[long] / length[long]
    radii[long] = np.sqrt(section / np.pi) if graph.voxels.shape[1] == 3 else section / 2
    # Without junctions, all of the component is the branch: a capsule's volume.
    alone = np.flatnonzero(~long & np.all(graph.ends == FREE, axis=1))
    whole_v = _sums(cells, branch, graph.n_branches)[alone] * float(np.prod(spacing_mm))
    whole_l = _sums(course.share, branch, graph.n_branches)[alone]
    radii[alone] = _capsule_radius(whole_v, whole_l, graph.voxels.shape[1])
    return without_float_noise(radii, spacing_mm)


MIN_CORE = 2.0


def _sums(values: FloatArray, branch: IntArray, n_branches: int) -> FloatArray:
    return np.asarray(np.bincount(branch, values, minlength=n_branches), dtype=np.float64)


def _capsule_radius(volume: FloatArray, length: FloatArray, ndim: int) -> FloatArray:
    """Radius of a cylinder of that length with a half-ball at each end and that volume (2D: area)."""
    if ndim == 2:
        return (np.sqrt(length**2 + np.pi * volume) - length) / np.pi
    radius = np.cbrt(3 * volume / (4 * np.pi))
    for _ in range(20):
        value = np.pi * radius**2 * (length + 4 / 3 * radius) - volume
        radius -= value / (2 * np.pi * radius * length + 4 * np.pi * radius**2)
    return radius
