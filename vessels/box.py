"""The smallest box around a mask, so that no kernel walks through a whole CT for a vessel tree in its liver."""

import numpy as np
from numpy.typing import NDArray


def foreground_box(mask: NDArray[np.bool_], margin: int = 0) -> tuple[slice, ...]:
    """The smallest box of slices that holds every True voxel of a mask (*S); all slices are 0:0 if there is none.

    margin: voxels by which the box is wider on every side, except where the volume ends.
    """
    box: list[slice] = []
    for axis in range(mask.ndim):
        # What lies outside the slices found so far is empty, so each axis looks at less than the one before.
        inside = mask[tuple(box)]
        occupied = np.flatnonzero(inside.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        if occupied.size == 0:
            return (slice(0, 0),) * mask.ndim
        box.append(slice(int(occupied[0]), int(occupied[-1]) + 1))
    return tuple(
        slice(max(side.start - margin, 0), min(side.stop + margin, size))
        for side, size in zip(box, mask.shape, strict=True)
    )
