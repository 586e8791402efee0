"""The pieces of a mask: how large each is, and how far from the largest."""

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ramify.vessels.components import component_sizes, label_components
from ramify.vessels.distance import surface
from ramify.vessels.point_index import PointIndex

Mask = NDArray[np.bool_]


class Pieces:
    """The connected components of a mask, 26-connected in 3D, 8-connected in 2D.

    Args:
        mask: bool (*S), 2D or 3D.
        spacing_mm: voxel size along each array axis, millimetres.

    Attributes:
        labels: int32 (*S), 1 … N, 0 in the background.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels.pieces import Pieces
        >>> pieces = Pieces(np.array([[1, 1, 1, 0, 0, 1]], bool), (1.0, 0.5))
        >>> pieces.volumes_mm3.tolist(), pieces.distances_mm.tolist()  # mm² in 2D
        ([1.5, 0.5], [0.0, 1.5])
    """

    def __init__(self, mask: Mask, spacing_mm: Sequence[float]) -> None:
        self._mask, self._spacing_mm = mask, tuple(spacing_mm)
        self.labels, count = label_components(mask)
        self._voxels = component_sizes(self.labels, count)

    @property
    def volumes_mm3(self) -> NDArray[np.float64]:
        """Volume (mm³; in 2D area, mm²) of each piece, float64 (N,)."""
        volumes: NDArray[np.float64] = self._voxels.astype(np.float64) * math.prod(self._spacing_mm)
        return volumes

    @cached_property
    def is_largest(self) -> NDArray[np.bool_]:
        """Whether a piece is the largest, bool (N,); of equals each is, so that nothing hangs on their order."""
        largest: NDArray[np.bool_] = self._voxels == self._voxels.max(initial=0)
        return largest

    @cached_property
    def distances_mm(self) -> NDArray[np.float64]:
        """From each piece to the largest, between the centres of their nearest voxels, float64 (N,); 0 for itself."""
        distances = np.zeros(len(self._voxels))
        if not self.is_largest.all():
            # Pieces do not touch: the nearest voxels of two of them lie at their surfaces.
            points = np.argwhere(surface(self._mask))
            piece_of = self.labels[tuple(points.T)] - 1
            of_largest = self.is_largest[piece_of]
            distances[~self.is_largest] = np.inf
            found = PointIndex(points[of_largest], self._spacing_mm).distances_mm(points[~of_largest])
            np.minimum.at(distances, piece_of[~of_largest], found)
        return distances
