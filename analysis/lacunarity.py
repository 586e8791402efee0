"""Lacunarity of a mask: how unevenly it fills its box, by boxes that glide over it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_SMALLEST = 2.0
_LARGEST_SHARE = 4
# Larger grids are counted in blocks of voxels, so that this stays cheap beside the thinning.
_MOST_CELLS = 2**22


def gliding_box_lacunarity(
    mask: NDArray[np.bool_ | np.integer], spacing_mm: Sequence[float], most_cells: int = _MOST_CELLS
) -> dict[float, float]:
    """Λ(s) = <M²> / <M>², M the voxels of the mask in a box of side s, over all places of the box within the mask's
    bounding box (Allain and Cloitre, "Characterizing the lacunarity of random and deterministic fractal sets", 1991).

    Sides are two voxels times powers of 2, up to a quarter of the longest extent; along each axis the nearest whole
    number of voxels, and never beyond the bounding box. Where that has more than `most_cells` voxels, boxes glide by
    blocks of an odd number of voxels.

    Args:
        mask: bool or int (*S), not 0 in at least one voxel.
        spacing_mm: voxel size along each axis.
        most_cells: see above.

    Returns:
        Λ by side in mm: 1 where all boxes hold as many, more the more uneven; empty where no side fits.

    Examples:
        >>> import numpy as np
        >>> from ramify.analysis import gliding_box_lacunarity
        >>> gliding_box_lacunarity(np.ones((8, 8), bool), (1.0, 1.0))
        {2.0: 1.0}
    """
    return lacunarity_of(np.unravel_index(np.flatnonzero(mask), mask.shape), spacing_mm, most_cells)


def lacunarity_of(
    places: Sequence[NDArray[np.integer]], spacing_mm: Sequence[float], most_cells: int = _MOST_CELLS
) -> dict[float, float]:
    """As `gliding_box_lacunarity`, of a mask's voxels by their indices, integer (N,) along each axis."""
    spacing = np.array(spacing_mm, dtype=np.float64)
    low = np.array([axis.min() for axis in places])
    extent = np.array([axis.max() for axis in places]) - low + 1
    block = _blocks(extent, spacing, most_cells)
    cells = -(-extent // block)
    # Blocks reach as far beyond the box on both sides: mirrored masks have the same values.
    cells += (cells * block - extent) % 2
    before = (cells * block - extent) // 2
    flat = np.ravel_multi_index(
        [(axis - first + more) // side for axis, first, more, side in zip(places, low, before, block)], tuple(cells)
    )
    mass = np.bincount(flat, minlength=int(cells.prod()))
    sums = _summed(mass.reshape(tuple(cells)).astype(np.int64))
    found: dict[float, float] = {}
    side = _SMALLEST * float((spacing * block).max())
    while side <= float((extent * spacing).max()) / _LARGEST_SHARE:
        steps = np.clip(np.rint(side / (spacing * block)).astype(np.int64), 1, cells)
        held = _in_boxes(sums, steps).astype(np.float64)
        found[side] = float(np.square(held).mean() / held.mean() ** 2)
        side *= 2
    return found


def _blocks(extent: NDArray[np.integer], spacing: NDArray[np.float64], most_cells: int) -> NDArray[np.int64]:
    """Voxels in a block along each axis, int (ndim,): odd, so that blocks lie evenly about the middle of any extent."""
    size = 1
    while True:
        block: NDArray[np.int64] = np.maximum(
            1, 2 * np.rint((size * spacing.max() / spacing - 1) / 2).astype(np.int64) + 1
        )
        if size == 1:
            block[:] = 1
        if float(np.prod(np.ceil(extent / block))) <= most_cells:
            return block
        size += 2


def _summed(mass: NDArray[np.int64]) -> NDArray[np.int64]:
    """The integral image, with a layer of zeros before each axis."""
    sums = np.pad(mass, [(1, 0)] * mass.ndim)
    for axis in range(mass.ndim):
        np.cumsum(sums, axis=axis, out=sums)
    return sums


def _in_boxes(sums: NDArray[np.int64], steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """What each box of so many cells along each axis holds."""
    for axis, step in enumerate(steps.tolist()):
        along = np.moveaxis(sums, axis, 0)
        sums = np.moveaxis(along[step:] - along[:-step], 0, axis)
    return sums
