"""Components that appear and merge while voxels join one by one: union-find over a volume, on the CPU."""

import numpy as np
from numpy.typing import NDArray

from ramify.compilation import compiled


@compiled(nogil=True)
def _root(parent: NDArray[np.int64], voxel: int) -> int:
    """The oldest voxel of a component; halves the way there."""
    while parent[voxel] != voxel:
        parent[voxel] = parent[parent[voxel]]
        voxel = parent[voxel]
    return voxel


@compiled(nogil=True)
def merges(
    order: NDArray[np.int64],
    age: NDArray[np.int64],
    other_age: NDArray[np.int64],
    steps: NDArray[np.int64],
    outside: bool,
) -> NDArray[np.int64]:
    """The merges of components while voxels join in an order: the younger one ends, in two orders of age.

    Args:
        order: the voxels, by place in a flat volume with a margin of a voxel all around, in the order in which they
            join; none of the margin.
        age: by place, the rank in that order.
        other_age: by place, the rank in another order.
        steps: from a place to those of its neighbours.
        outside: the margin is there from the beginning, as one component, the oldest by either age: voxel 0.

    Returns:
        (M, 3), merges in their order: the voxel that joins two components, the voxel where the younger began, and the
        younger by the other age of the two components' voxels that are the oldest by it.
    """
    parent = np.full(len(age), -1)
    oldest = np.arange(len(age))  # by the other age, of a root
    if outside:
        parent[:] = 0
        parent[order] = -1
    found = np.empty((len(order), 3), np.int64)
    count = 0
    for voxel in order:
        parent[voxel] = voxel
        root = voxel
        for step in steps:
            if parent[voxel + step] < 0:
                continue
            other = _root(parent, voxel + step)
            if other == root:
                continue
            # Voxel 0 is never in the order: where it is a root it is the outside, older than all.
            first, last = (other, root) if other == 0 or (root != 0 and age[other] < age[root]) else (root, other)
            mine, its = oldest[first], oldest[last]
            if mine == 0 or (its != 0 and other_age[mine] < other_age[its]):
                older, younger = mine, its
            else:
                older, younger = its, mine
            found[count, 0], found[count, 1], found[count, 2] = voxel, last, younger
            count += 1
            parent[last] = first
            oldest[first] = older
            root = first
    return found[:count]
