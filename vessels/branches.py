"""Cut a skeleton at its junctions into branches.

A junction voxel has more than two neighbours in the full (26 or 8) neighbourhood; touching junction voxels form one
cluster, so that a clump left by thinning counts once. What remains between clusters are paths: branches.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ramify.compilation import compiled

FREE = -1
CLOSED = -2

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class BranchGraph:
    """Branches of a skeleton as ordered paths of voxels between junction clusters.

    Args:
        voxels: int (N, ndim), the skeleton's voxels in C order.
        cluster: int (N,), junction cluster of each voxel, -1 where there is none.
        owner: int (N,), branch of each voxel, -1 where it belongs to a junction that still joins branches.
        order, starts: branch j runs through voxels `order[starts[j]:starts[j + 1]]`, from one end to the other.
        ends: int (n_branches, 2), cluster at the start and at the end of each path, `FREE` where the vessel ends,
            `CLOSED` for a loop without a junction.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import trace_branches
        >>> line = np.zeros((3, 5), bool)
        >>> line[1, 1:4] = True
        >>> graph = trace_branches(line)
        >>> graph.voxels[graph.order[graph.starts[0] : graph.starts[1]]].tolist()  # from end to end
        [[1, 1], [1, 2], [1, 3]]
    """

    voxels: IntArray
    cluster: IntArray
    owner: IntArray
    order: IntArray
    starts: IntArray
    ends: IntArray

    @property
    def n_branches(self) -> int:
        """Number of branches."""
        return len(self.starts) - 1

    def branch_of_position(self) -> IntArray:
        """Branch of each entry of `order`, int (M,)."""
        return np.repeat(np.arange(self.n_branches), np.diff(self.starts))


def trace_branches(skeleton: BoolArray) -> BranchGraph:
    """Cut a skeleton at its junctions (Sadikine et al. 2023, section 2.1: the branches of Γ).

    Args:
        skeleton: bool (*S), one voxel wide.

    Loops without a junction, isolated voxels and components of junction voxels alone are branches of their own. An
    empty skeleton gives a graph without branches.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import trace_branches
        >>> skeleton = np.zeros((7, 9), bool)
        >>> skeleton[1, 1:8] = True
        >>> skeleton[2:6, 4] = True  # a T: three branches
        >>> trace_branches(skeleton).n_branches
        3
    """
    voxels = voxels_of(skeleton)
    first, neighbours = _adjacency(voxels, skeleton.shape)
    cluster = _junction_clusters(first, neighbours)
    order, starts, ends = _walk(first, neighbours, cluster)
    owner = np.full(len(voxels), -1, dtype=np.int64)
    owner[order] = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    graph = BranchGraph(voxels, cluster, owner, order, starts, ends)
    return _with_lone_clusters(graph)


def voxels_of(mask: BoolArray) -> IntArray:
    """Return the indices of the True voxels in C order, int (N, ndim): `np.argwhere`, fast where they are few."""
    return np.stack(np.unravel_index(np.flatnonzero(mask), mask.shape), axis=1)


def _adjacency(voxels: IntArray, shape: Sequence[int]) -> tuple[IntArray, IntArray]:
    """Neighbour lists of voxels given in C order: those of voxel i are `neighbours[first[i]:first[i + 1]]`, sorted."""
    padded = np.array(shape, dtype=np.int64) + 2
    strides = np.append(np.cumprod(padded[:0:-1])[::-1], 1)
    flat = (voxels + 1) @ strides
    pairs = []
    for offset in itertools.product((-1, 0, 1), repeat=len(shape)):
        if offset <= (0,) * len(shape):
            continue
        wanted = flat + np.array(offset) @ strides
        found = np.searchsorted(flat, wanted)
        hit = np.flatnonzero((found < len(flat)) & (flat[np.minimum(found, len(flat) - 1)] == wanted))
        pairs.append(np.stack([hit, found[hit]]))
    one, other = np.concatenate(pairs, axis=1)
    rows, columns = np.concatenate([one, other]), np.concatenate([other, one])
    by_row = np.lexsort((columns, rows))
    first = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(voxels)))])
    return first.astype(np.int64), columns[by_row].astype(np.int64)


def _junction_clusters(first: IntArray, neighbours: IntArray) -> IntArray:
    """Number the connected clusters of voxels with more than two neighbours, in C order; -1 elsewhere."""
    n = len(first) - 1
    degree = np.diff(first)
    junction = degree > 2
    rows = np.repeat(np.arange(n), degree)
    both = junction[rows] & junction[neighbours]
    links = coo_array((np.ones(both.sum(), dtype=np.int8), (rows[both], neighbours[both])), shape=(n, n))
    component = connected_components(links, directed=False)[1] if n else np.empty(0, dtype=np.int64)
    cluster = np.full(n, -1, dtype=np.int64)
    cluster[junction] = np.unique(component[junction], return_inverse=True)[1]
    return cluster


@compiled()
def _walk(first: IntArray, neighbours: IntArray, cluster: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Follow every path of voxels outside clusters from end to end: first the open ones, then the loops."""
    n = len(cluster)
    visited = cluster >= 0
    order = np.empty(n - np.sum(visited), dtype=np.int64)
    starts = np.zeros(n + 1, dtype=np.int64)
    ends = np.full((n, 2), FREE, dtype=np.int64)
    count, done = 0, 0
    for loops in (False, True):
        for seed in range(n):
            if visited[seed]:
                continue
            plain = 0
            for edge in range(first[seed], first[seed + 1]):
                plain += cluster[neighbours[edge]] < 0
            if plain > 1 and not loops:
                continue
            current = seed
            last = seed
            while current >= 0:
                visited[current] = True
                order[done] = current
                done += 1
                last = current
                current = -1
                for edge in range(first[last], first[last + 1]):
                    if not visited[neighbours[edge]]:
                        current = neighbours[edge]
                        break
            if loops:
                ends[count] = CLOSED
            else:
                side = 0
                for edge in range(first[seed], first[seed + 1]):
                    if cluster[neighbours[edge]] >= 0:
                        ends[count, side] = cluster[neighbours[edge]]
                        side += 1
                if last != seed:
                    for edge in range(first[last], first[last + 1]):
                        if cluster[neighbours[edge]] >= 0:
                            ends[count, 1] = cluster[neighbours[edge]]
            count += 1
            starts[count] = done
    return order, starts[: count + 1], ends[:count]


def _with_lone_clusters(graph: BranchGraph) -> BranchGraph:
    """Make a branch of each cluster that no path touches."""
    n_clusters = int(graph.cluster.max(initial=-1)) + 1
    lone = np.setdiff1d(np.arange(n_clusters), graph.ends)
    if not lone.size:
        return graph
    branch = np.full(n_clusters, -1, dtype=np.int64)
    branch[lone] = graph.n_branches + np.arange(len(lone))
    owner = np.where((graph.owner < 0), branch[graph.cluster], graph.owner)
    centre = cluster_centres(graph)[lone]
    starts = np.concatenate([graph.starts, graph.starts[-1] + 1 + np.arange(len(lone))])
    ends = np.concatenate([graph.ends, np.full((len(lone), 2), FREE)])
    return BranchGraph(graph.voxels, graph.cluster, owner, np.concatenate([graph.order, centre]), starts, ends)


def cluster_centres(graph: BranchGraph) -> IntArray:
    """Return, for each cluster, the index of its voxel nearest to its centroid; ties: the first in C order."""
    members = np.flatnonzero(graph.cluster >= 0)
    which = graph.cluster[members]
    size = np.bincount(which)
    # Multiplied by the size, the offset from the centroid is a whole number: ties are exact wherever the cluster lies.
    points = graph.voxels[members]
    total = np.stack([np.bincount(which, weights=axis) for axis in points.T], axis=1).astype(np.int64)
    offset = np.square(points * size[which, None] - total[which]).sum(axis=1) if members.size else which
    ranked = np.lexsort((members, offset, which))
    return members[ranked[np.searchsorted(which[ranked], np.arange(len(size)))]]


def path_lengths(graph: BranchGraph, spacing_mm: Sequence[float]) -> FloatArray:
    """Return the length of each branch in mm, voxel by voxel and with the steps into the clusters at its ends.

    Args:
        graph: branches of a skeleton.
        spacing_mm: voxel size along each axis, mm.

    Returns:
        float (n_branches,); a branch of one voxel between no junctions has length 0.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import path_lengths, trace_branches
        >>> line = np.zeros((3, 5), bool)
        >>> line[1, 1:4] = True
        >>> path_lengths(trace_branches(line), spacing_mm=(1.0, 2.0)).tolist()  # two steps of 2 mm
        [4.0]
    """
    points = graph.voxels * np.asarray(spacing_mm, dtype=np.float64)
    centre = cluster_centres(graph)
    path = points[graph.order]
    step = np.append(np.linalg.norm(np.diff(path, axis=0), axis=1), 0.0)
    step[graph.starts[1:] - 1] = 0.0
    length = np.add.reduceat(step, graph.starts[:-1]) if graph.n_branches else np.empty(0)
    for side, position in ((0, graph.starts[:-1]), (1, graph.starts[1:] - 1)):
        joined = np.flatnonzero(graph.ends[:, side] >= 0)
        inside = points[centre[graph.ends[joined, side]]]
        length[joined] += np.linalg.norm(inside - path[position[joined]], axis=1)
    closed = np.flatnonzero(graph.ends[:, 0] == CLOSED)
    length[closed] += np.linalg.norm(path[graph.starts[closed]] - path[graph.starts[closed + 1] - 1], axis=1)
    return without_float_noise(length, spacing_mm)


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


def without_float_noise(lengths_mm: FloatArray, spacing_mm: Sequence[float]) -> FloatArray:
    """Round lengths to a millionth of the finest voxel size, so that equal lattice distances are equal numbers.

    Which of two equal radii is the larger must not hang on the order of a sum. The unit is the spacing times a power of
    two: twice the spacing gives exactly twice the lengths.
    """
    unit = min(spacing_mm) * 2.0**-20
    return np.round(lengths_mm / unit) * unit
