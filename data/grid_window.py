"""A window whose voxels are voxels of the volume, perhaps mirrored: copied, where sampling would compute each anew."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class GridWindow:
    """A window that lies on the volume's grid: its voxel o is the volume's `signs * o + offset`."""

    def __init__(self, signs: Sequence[int], offset: Sequence[int], shape: Sequence[int]) -> None:
        """Of each axis: 1 or, where it is mirrored, -1; the volume's voxel at the window's first; voxels."""
        self._axes = list(zip(signs, offset, shape, strict=True))

    @staticmethod
    def of_map(matrix: NDArray[np.float64], offset: NDArray[np.float64], shape: Sequence[int]) -> "GridWindow | None":
        """The window under `matrix @ o + offset`, voxels to voxels, or None where it lies between the volume's."""
        signs, first = np.diag(matrix), np.round(offset)
        if (np.abs(signs) != 1).any() or (matrix != np.diag(signs)).any() or (first != offset).any():
            return None
        return GridWindow(signs.astype(int).tolist(), first.astype(int).tolist(), shape)

    def copy(self, volume: NDArray[Any], outside: float, dtype: DTypeLike) -> NDArray[Any]:
        """What it shows of a volume of as many axes, and a value outside of that."""
        window = np.empty([voxels for _, _, voxels in self._axes], dtype=dtype)
        there, here = [], []
        for (sign, first, voxels), length in zip(self._axes, volume.shape, strict=True):
            # The window's voxels that lie inside.
            start, stop = (-first, length - first) if sign > 0 else (first - length + 1, first + 1)
            start, stop = max(start, 0), min(stop, voxels)
            if start >= stop:
                window[...] = outside
                return window
            here.append(slice(start, stop))
            ends = first + sign * start, first + sign * stop
            there.append(slice(ends[0], ends[1] if ends[1] >= 0 else None, sign))
        if any(part != slice(0, voxels) for part, (_, _, voxels) in zip(here, self._axes, strict=True)):
            window[...] = outside
        window[tuple(here)] = volume[tuple(there)]
        return window
