"""A window whose voxels are voxels of the volume, perhaps mirrored: copied, where sampling would compute each anew."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


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

    def copy(self, volume: NDArray[Any], outside: float) -> NDArray[Any]:
        """What it shows of a volume of as many axes, and a value outside of that."""
        window = np.empty([voxels for _, _, voxels in self._axes], dtype=volume.dtype)
        self.fill(window, volume, outside)
        return window

    def fill(self, window: NDArray[Any], volume: NDArray[Any], outside: float) -> None:
        """Copy that into a window that is there, of any dtype."""
        there, here, whole = [], [], True
        for (sign, first, voxels), length in zip(self._axes, volume.shape, strict=True):
            # The window's voxels that lie inside.
            start, stop = (-first, length - first) if sign > 0 else (first - length + 1, first + 1)
            start, stop = max(start, 0), max(min(stop, voxels), start, 0)
            whole = whole and stop - start == voxels
            here.append(slice(start, stop))
            indices = first + sign * start, first + sign * stop
            there.append(slice(indices[0], indices[1] if indices[1] >= 0 else None, sign) if stop > start else slice(0))
        if not whole:
            window[...] = outside
        window[tuple(here)] = volume[tuple(there)]
