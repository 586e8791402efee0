"""The voxels of a mask, row by row: what is said of a vessel, without the background that is most of its volume."""

from dataclasses import dataclass

import numpy as np

from ramify.vessels.branches import BoolArray, IntArray
from ramify.vessels.masks import check_volume


@dataclass(frozen=True, eq=False)
class VoxelRows:
    """The True voxels of a mask in C order, by its rows along the last axis. A map of them has a value for each, (N,).

    Attributes:
        shape: of the mask, 2 or 3 sizes.
        places: int64 (N,), index of each voxel into the flat mask.
        columns: int32 (N,), its index along the last axis.
        starts: int64 (R + 1,), row r, counted in C order, has the voxels `starts[r]` to `starts[r + 1]`.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels.voxel_rows import VoxelRows
        >>> rows = VoxelRows.of(np.array([[0, 1, 1], [0, 0, 1]], bool))
        >>> rows.places.tolist(), rows.columns.tolist(), rows.starts.tolist()
        ([1, 2, 5], [1, 2, 2], [0, 2, 3])
    """

    shape: tuple[int, ...]
    places: IntArray
    columns: np.ndarray
    starts: IntArray

    @classmethod
    def of(cls, mask: BoolArray) -> "VoxelRows":
        """Those of a mask, bool (*S), 2D or 3D; raises ValueError for any other array."""
        check_volume(mask, "mask")
        places, width = np.flatnonzero(mask), mask.shape[-1]
        n_rows = int(np.prod(mask.shape[:-1]))
        starts = np.searchsorted(places, width * np.arange(n_rows + 1)).astype(np.int64)
        return cls(mask.shape, places, (places % max(width, 1)).astype(np.int32), starts)

    def __len__(self) -> int:
        return len(self.places)

    @property
    def rows_in_a_plane(self) -> int:
        """How many rows lie side by side along the last axis but one; a 2D mask is one plane."""
        return self.shape[-2]

    def voxels(self) -> IntArray:
        """Indices of the voxels into the mask, int (N, ndim)."""
        return np.stack(np.unravel_index(self.places, self.shape), axis=1)

    def numbers(self, voxels: IntArray) -> IntArray:
        """Which of these voxels each of some, int (M, ndim), is; all are among them."""
        found: IntArray = np.searchsorted(self.places, np.ravel_multi_index(tuple(voxels.T), self.shape))
        return found
