"""Which part of an organ each large branch supplies, and how far the organ's voxels are from a vessel."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ramify.analysis.growth import Growth
from ramify.vessels.box import foreground_box
from ramify.vessels.branches import FloatArray, IntArray

# Trees with less of the longest one's length supply no territory of their own.
_SMALLEST_TREE = 0.1


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
    seeds = number[branches[box]]
    if not seeds.any():
        return Territories(found, stems)
    nearest = ndimage.distance_transform_edt(seeds == 0, spacing_mm, return_distances=False, return_indices=True)
    found[box] = np.where(organ[box], seeds[tuple(nearest)], 0)
    return Territories(found, stems)


def distances_to_vessels_mm(
    vessels: NDArray[np.bool_], organ: NDArray[np.bool_], spacing_mm: tuple[float, ...]
) -> FloatArray:
    """Distance of each voxel of the organ outside the vessels to the nearest vessel voxel, float (N,), mm."""
    box = foreground_box(organ | vessels)
    distances: FloatArray = ndimage.distance_transform_edt(~vessels[box], spacing_mm)
    return distances[organ[box] & ~vessels[box]]
