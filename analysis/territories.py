"""Which part of an organ each large branch supplies, and how far the organ's voxels are from a vessel."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ramify.analysis.growth import Growth
from ramify.vessels.box import foreground_box
from ramify.vessels.branches import FloatArray, IntArray

# Trees with less of the longest one's length supply no territory of their own.
_SMALLEST_TREE = 0.1
# Of volumes with more voxels, distances are taken slab by slab.
_MOST_VOXELS = 2**25


@dataclass(frozen=True, eq=False)
class Territories:
    """The territories of one tree, or of all together.

    map: int32 (*S), 0 outside the organ, 1 .. T. stems: int (T,), the branch that each is the territory of.
    """

    map: NDArray[np.int32]
    stems: IntArray


def stems_of(growth: Growth, strahler: IntArray, depth: int, trees: IntArray, lengths_mm: FloatArray) -> IntArray:
    """The branch whose territory each branch belongs to, int (n,): its uppermost ancestor of an order; -1 for none.

    The order is the highest one of the branch's tree less `depth`, and 1 at least. What is of a higher order has none,
    nor have twigs of a lower one that hang on it, nor trees that are shorter than a tenth of the longest.

    Args:
        growth: the trees.
        strahler: int (n,), Strahler's order of each branch.
        depth: how far below the highest.
        trees: int (n,), the tree of each branch.
        lengths_mm: float (n,), of the branches.
    """
    length = np.bincount(trees, lengths_mm)
    large = (length >= _SMALLEST_TREE * length.max())[trees]
    highest = np.zeros(len(length), dtype=np.int64)
    np.maximum.at(highest, trees, strahler)
    wanted = np.maximum(highest[trees] - depth, 1)
    stems = np.full(len(strahler), -1, dtype=np.int64)
    for branch in growth.order.tolist():
        parent = int(growth.parents[branch])
        if parent >= 0 and stems[parent] >= 0:
            stems[branch] = stems[parent]
        elif large[branch] and strahler[branch] == wanted[branch]:
            stems[branch] = branch
    return stems


def territories(
    branches: NDArray[np.int32], stem_of_number: IntArray, organ: NDArray[np.bool_], spacing_mm: tuple[float, ...]
) -> Territories:
    """Give each voxel of the organ to the stem of its nearest branch, vessels of no stem left aside.

    Args:
        branches: int32 (*S), 0 background, 1 .. n.
        stem_of_number: int (n + 1,), stem of each of these numbers, -1 for none.
        organ: bool (*S).
        spacing_mm: voxel size along each axis.
    """
    stems = np.unique(stem_of_number[stem_of_number >= 0])
    number = np.where(stem_of_number >= 0, np.searchsorted(stems, stem_of_number) + 1, 0).astype(np.int32)
    found = np.zeros(branches.shape, dtype=np.int32)
    box = foreground_box(organ | (branches > 0))
    seeds, inside, into = number[branches[box]], organ[box], found[box]
    if not seeds.any():
        return Territories(found, stems)
    for planes, _, nearest in _nearest(seeds > 0, inside, spacing_mm):
        into[planes] = np.where(inside[planes], seeds[tuple(nearest)], 0)
    return Territories(found, stems)


def distances_to_vessels_mm(
    vessels: NDArray[np.bool_], organ: NDArray[np.bool_], spacing_mm: tuple[float, ...]
) -> FloatArray:
    """Distance of each voxel of the organ outside the vessels to the nearest vessel voxel, float (N,), mm."""
    box = foreground_box(organ | vessels)
    seeds = vessels[box]
    wanted = organ[box] & ~seeds
    found = [distances[wanted[planes]] for planes, distances, _ in _nearest(seeds, wanted, spacing_mm)]
    return np.concatenate([np.empty(0), *found])


def _nearest(
    seeds: NDArray[np.bool_], wanted: NDArray[np.bool_], spacing_mm: tuple[float, ...], most_voxels: int = _MOST_VOXELS
) -> Iterator[tuple[slice, FloatArray, NDArray[np.int32]]]:
    """For runs of planes, those without a wanted voxel left out, how far the nearest seed of each voxel is, and where.

    A distance map takes twenty times the memory of its mask: of a large volume it is made slab by slab, with as many
    planes around each that whatever is nearest to a wanted voxel lies in them.

    Args:
        seeds: bool (*S), not empty.
        wanted: bool (*S); elsewhere a nearer seed may be farther away than the planes that were looked at.
        spacing_mm: voxel size along each axis.
        most_voxels: of a slab, without what is around it.

    Yields:
        the planes, distances in mm, float (*P), and indices into the seeds, int32 (ndim, *P).
    """
    count = len(seeds)
    height = max(1, most_voxels * count // seeds.size)
    margin = height
    for start in range(0, count, height):
        planes = slice(start, min(start + height, count))
        if not wanted[planes].any():
            continue
        while True:
            around = slice(max(start - margin, 0), min(planes.stop + margin, count))
            whole = around == slice(0, count)
            if whole or seeds[around].any():
                distances, nearest = ndimage.distance_transform_edt(~seeds[around], spacing_mm, return_indices=True)
                own = slice(start - around.start, planes.stop - around.start)
                below = start - around.start if around.start else count
                above = around.stop - planes.stop if around.stop < count else count
                farthest = distances[own][wanted[planes]].max()
                if whole or farthest <= min(below, above) * spacing_mm[0]:
                    nearest[0] += around.start
                    yield planes, distances[own], nearest[:, own]
                    # Mostly the next ones need about as much.
                    margin = 1 + int(1.25 * farthest / spacing_mm[0])
                    break
            margin *= 2
