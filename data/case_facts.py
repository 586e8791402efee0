"""What sampling asks of a whole case: found once a process, so that a small window costs what lies in it."""

import numpy as np
from numpy.typing import NDArray


class CaseFacts:
    """Where a case's vessels lie, and the lowest value of its image.

    Args:
        scale_map: label map, (*S), as the store maps it.

    Kept are one count for each slice of the first axis and a number, some kilobytes a case; not the arrays, whose maps
    hold a file open each.
    """

    def __init__(self, scale_map: NDArray[np.integer]) -> None:
        # Of each slice and all before it.
        self._vessel_voxels = np.cumsum([np.count_nonzero(each) for each in scale_map], dtype=np.int64)
        self._lowest: float | None = None

    @property
    def vessel_voxels(self) -> int:
        """How many voxels are vessel."""
        return int(self._vessel_voxels[-1])

    def vessel_voxel(self, number: int, scale_map: NDArray[np.integer]) -> tuple[int, ...]:
        """The case's vessel voxel of that number, counted in C order from 0; reads one slice of the first axis."""
        slice_number = int(np.searchsorted(self._vessel_voxels, number, side="right"))
        before = int(self._vessel_voxels[slice_number - 1]) if slice_number else 0
        inside = scale_map[slice_number]
        place = np.flatnonzero(inside)[number - before]
        return slice_number, *(int(index) for index in np.unravel_index(place, inside.shape))

    def lowest(self, image: NDArray[np.floating]) -> float:
        """Lowest intensity of the case: what lies outside its volume is shown as that. Reads the image once."""
        if self._lowest is None:
            self._lowest = float(image.min())
        return self._lowest
