"""Which branch each vessel voxel belongs to."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ramify.compilation import compiled
from ramify.vessels.branches import BranchGraph, FloatArray, IntArray
from ramify.vessels.voxel_rows import VoxelRows

# A voxel farther than this many radii from a centreline is none of that branch's, unless nothing else is near.
_REACH = 1.5


def owners_with_junctions(graph: BranchGraph, radii: FloatArray) -> IntArray:
    """Return the branch of each skeleton voxel, a junction's being that of the thickest branch that touches it.

    Args:
        graph: branches of a skeleton.
        radii: float (n_branches,); of equal ones the branch with the lower number has the junction.
    """
    branch, side = np.nonzero(graph.ends >= 0)
    cluster = graph.ends[branch, side]
    ranked = np.lexsort((branch, -radii[branch], cluster))
    numbers, first = np.unique(cluster[ranked], return_index=True)
    thickest = np.full(int(graph.cluster.max(initial=-1)) + 2, -1)
    thickest[numbers] = branch[ranked[first]]
    return np.where(graph.owner < 0, thickest[graph.cluster], graph.owner)


def nearest_branch(graph: BranchGraph, radii: FloatArray, nearest: NDArray[np.int32]) -> NDArray[np.int32]:
    """Give each voxel to the branch of its nearest skeleton voxel (Sadikine et al. 2023, Eq. 3).

    Args:
        graph: branches of a skeleton.
        radii: float (n_branches,), which decide whose the junctions are.
        nearest: int32 (N,), number from 1 of the nearest skeleton voxel in the same component, for each vessel voxel.

    Returns:
        int32 (N,), branch from 1.
    """
    return np.append(0, owners_with_junctions(graph, radii) + 1).astype(np.int32)[nearest]


def deepest_branch(
    graph: BranchGraph,
    radii_mm: FloatArray,
    rows: VoxelRows,
    nearest: NDArray[np.int32],
    spacing_mm: Sequence[float],
) -> NDArray[np.int32]:
    """Give each voxel to the branch in which it lies deepest: smallest distance to the skeleton less the radius.

    By the nearest skeleton voxel alone (Sadikine et al. 2023, Eq. 3) a thin branch would own part of the wall of the
    thick one that it leaves. Only branches of the voxel's own component count.

    Args:
        graph: branches of a skeleton.
        radii_mm: float (n_branches,).
        rows: the vessel's voxels.
        nearest: int32 (N,), number from 1 of the nearest skeleton voxel in the same component, for each of them.
        spacing_mm: voxel size along each axis, mm.

    Returns:
        int32 (N,), branch from 1.
    """
    owner = owners_with_junctions(graph, radii_mm)
    branches = nearest_branch(graph, radii_mm, nearest)
    flat = 3 - len(rows.shape)
    voxels = np.pad(graph.voxels, ((0, 0), (flat, 0)))
    spacing = np.array((*(1.0,) * flat, *spacing_mm), dtype=np.float64)
    claiming = _claiming(graph, radii_mm / min(spacing_mm))
    component = _components(graph)[owner]
    _claim(
        rows.columns,
        rows.starts,
        rows.rows_in_a_plane,
        nearest,
        claiming,
        voxels,
        owner,
        component,
        radii_mm,
        spacing,
        branches,
    )
    # A branch all of whose voxels lie deeper in others keeps its skeleton: each branch is on the map.
    lost = np.bincount(branches, minlength=graph.n_branches + 1)[owner + 1] == 0
    branches[rows.numbers(graph.voxels[lost])] = owner[lost] + 1
    return branches


def _claiming(graph: BranchGraph, radii: FloatArray) -> IntArray:
    """Skeleton voxels that stand for all: one in every quarter radius (in voxels) of a branch, and the junctions.

    Distances to these are hardly longer than to all, and the work is in proportion to the mask, however thick.
    """
    stride = np.maximum(radii // 4, 1).astype(np.int64)
    along = np.arange(len(graph.order)) - np.repeat(graph.starts[:-1], np.diff(graph.starts))
    chosen = along % np.repeat(stride, np.diff(graph.starts)) == 0
    chosen[graph.starts[1:] - 1] = True
    return np.sort(np.concatenate([graph.order[chosen], np.flatnonzero(graph.owner < 0)]))


def _components(graph: BranchGraph) -> IntArray:
    """Connected component of each branch, joined by the junctions."""
    branch, side = np.nonzero(graph.ends >= 0)
    size = graph.n_branches + int(graph.ends.max(initial=-1)) + 1
    links = (np.ones(len(branch), dtype=np.int8), (branch, graph.n_branches + graph.ends[branch, side]))
    component: IntArray = connected_components(coo_array(links, shape=(size, size)), directed=False)[1]
    return component[: graph.n_branches].astype(np.int64)


@compiled()
def _claim(  # type: ignore[no-untyped-def]
    columns, row_starts, height, nearest, claiming, voxels, owner, component, radii, spacing, branches
):
    depth = np.full(branches.size, np.inf, np.float32)
    sizes = ((row_starts.size - 1) // height, height)
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for k in claiming:
        radius = radii[owner[k]]
        for axis in range(3):
            reach = int((_REACH * radius + spacing.min()) / spacing[axis])
            low[axis], high[axis] = voxels[k, axis] - reach, voxels[k, axis] + reach + 1
        for z in range(max(low[0], 0), min(high[0], sizes[0])):
            dz = ((z - voxels[k, 0]) * spacing[0]) ** 2
            for y in range(max(low[1], 0), min(high[1], sizes[1])):
                dy = ((y - voxels[k, 1]) * spacing[1]) ** 2
                first, last = row_starts[z * height + y], row_starts[z * height + y + 1]
                for i in range(first + np.searchsorted(columns[first:last], low[2]), last):
                    if columns[i] >= high[2]:
                        break
                    seed = nearest[i] - 1
                    if seed < 0 or component[seed] != component[k]:
                        continue
                    gap = np.float32(np.sqrt(dz + dy + ((columns[i] - voxels[k, 2]) * spacing[2]) ** 2) - radius)
                    if gap < depth[i]:
                        depth[i] = gap
                        branches[i] = owner[k] + 1
