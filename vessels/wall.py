"""The wall of a vessel: the background voxels around a mask, and how far from them a point in the vessel is."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from ramify.vessels.branches import BoolArray, FloatArray, IntArray, without_float_noise
from ramify.vessels.distance import face_neighbours


def wall_voxels(mask: BoolArray) -> IntArray:
    """Background voxels that share a face with the mask, int (N, ndim): every nearest background voxel is one of these.

    Outside the volume is no background: a vessel that leaves the volume goes on there. Only a mask without any
    background takes it, and indices of -1 and of the volume's size with it.

    Args:
        mask: bool (*S) with at least one voxel.
    """
    # By the mask's own voxels: vessels are few among those of a volume.
    flat = mask.reshape(-1)
    sides = face_neighbours(np.flatnonzero(flat), mask.shape)
    shell = np.sort(np.concatenate([places[~flat[places]] for _, places in sides]))
    if not len(shell):
        return wall_voxels(np.pad(mask, 1)) - 1
    # np.unique makes a hash table, many times as slow for as many.
    shell = shell[np.append(True, shell[1:] > shell[:-1])]
    return np.stack(np.unravel_index(shell, mask.shape), axis=1)


class Wall:
    """The wall around a mask, to measure distances to.

    Args:
        mask: bool (*S) with at least one voxel.
        spacing_mm: voxel size along each axis, mm.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import Wall
        >>> mask = np.zeros((5, 7), bool)
        >>> mask[1:4] = True
        >>> Wall(mask, spacing_mm=(1.0, 1.0)).distance_mm(np.array([[2.0, 3.0]])).tolist()
        [2.0]
    """

    def __init__(self, mask: BoolArray, spacing_mm: Sequence[float]) -> None:
        self._mask: BoolArray | None = mask
        self.spacing_mm = tuple(spacing_mm)

    @cached_property
    def _tree(self) -> cKDTree:
        assert self._mask is not None, "it is there until this is made"
        points = wall_voxels(self._mask) * np.array(self.spacing_mm)
        # Whoever keeps a wall, as a decomposition does, need not keep a volume with it.
        self._mask = None
        return cKDTree(points, balanced_tree=False, compact_nodes=False)

    def distance_mm(self, points_mm: FloatArray) -> FloatArray:
        """Distance from points, float (P, ndim) in mm from the first voxel's centre, to the nearest, float (P,), mm."""
        return without_float_noise(self._tree.query(points_mm)[0], self.spacing_mm)
