"""Which branch each vessel voxel belongs to."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ramify.compilation import compiled
from ramify.vessels.branches import BranchGraph, FloatArray, IntArray

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
        nearest: int32 (*S), number from 1 of the nearest skeleton voxel in the same component, 0 outside the vessels.

    Returns:
        int32 (*S), branch from 1, 0 outside the vessels.
    """
    return np.append(0, owners_with_junctions(graph, radii) + 1).astype(np.int32)[nearest]


def deepest_branch(
    graph: BranchGraph, radii_mm: FloatArray, nearest: NDArray[np.int32], spacing_mm: Sequence[float]
) -> NDArray[np.int32]:
    """Give each voxel to the branch in which it lies deepest: smallest distance to the skeleton less the radius.

    By the nearest skeleton voxel alone (Sadikine et al. 2023, Eq. 3) a thin branch would own part of the wall of the
    thick one that it leaves. Only branches of the voxel's own component count.

    Args:
        graph: branches of a skeleton.
        radii_mm: float (n_branches,).
        nearest: int32 (*S), number from 1 of the nearest skeleton voxel in the same component, 0 outside the vessels.
        spacing_mm: voxel size along each axis, mm.

    Returns:
        int32 (*S), branch from 1, 0 outside the vessels.
    """
    owner = owners_with_junctions(graph, radii_mm)
    branches = nearest_branch(graph, radii_mm, nearest)
    flat = (1,) * (3 - nearest.ndim)
    grid = (*flat, *nearest.shape)
    voxels = np.pad(graph.voxels, ((0, 0), (len(flat), 0)))
    spacing = np.array((*flat, *spacing_mm), dtype=np.float64)
    claiming = _claiming(graph, radii_mm / min(spacing_mm))
    # A view: what the kernel writes lands in `branches`.
    territory = branches.reshape(grid)
    _claim(nearest.reshape(grid), claiming, voxels, owner, _components(graph)[owner], radii_mm, spacing, territory)
    # A branch all of whose voxels lie deeper in others keeps its skeleton: each branch is on the map.
    lost = np.bincount(branches[nearest > 0], minlength=graph.n_branches + 1)[owner + 1] == 0
    branches[tuple(graph.voxels[lost].T)] = owner[lost] + 1
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
def _claim(nearest, claiming, voxels, owner, component, radii, spacing, branches):  # type: ignore[no-untyped-def]
    depth = np.full(branches.shape, np.inf, np.float32)
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for k in claiming:
        radius = radii[owner[k]]
        for axis in range(3):
            reach = int((_REACH * radius + spacing.min()) / spacing[axis])
            low[axis] = max(0, voxels[k, axis] - reach)
            high[axis] = min(branches.shape[axis], voxels[k, axis] + reach + 1)
        for z in range(low[0], high[0]):
            dz = ((z - voxels[k, 0]) * spacing[0]) ** 2
            for y in range(low[1], high[1]):
                dy = ((y - voxels[k, 1]) * spacing[1]) ** 2
                for x in range(low[2], high[2]):
                    seed = nearest[z, y, x] - 1
                    if seed < 0 or component[seed] != component[k]:
                        continue
                    gap = np.float32(np.sqrt(dz + dy + ((x - voxels[k, 2]) * spacing[2]) ** 2) - radius)
                    if gap < depth[z, y, x]:
                        depth[z, y, x] = gap
                        branches[z, y, x] = owner[k] + 1
