"""Between millimetres along an array's axes and the patient's."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ramify.data.volume import Volume
from ramify.report.settings import Space
from ramify.report.surfaces import patient_points
from ramify.vessels.branches import FloatArray

_RIGHT_AND_FRONT = np.array([-1.0, -1.0, 1.0])


def in_patient(place: Volume, points_mm: FloatArray, space: Space) -> FloatArray:
    """Points, float (N, ndim) in mm from the centre of the first voxel, in the patient: x, y, z (2D: x, y)."""
    points = patient_points(place, np.reshape(points_mm, (-1, place.ndim)) / np.array(place.spacing_mm), space)
    return points[:, : place.ndim]


def directions_in_patient(place: Volume, vectors: FloatArray, space: Space) -> FloatArray:
    """Directions, float (N, ndim) along the array's axes, in the patient: x, y, z (2D: x, y)."""
    turned: FloatArray = (np.reshape(vectors, (-1, place.ndim)) @ np.array(place.direction).T)[:, ::-1]
    return turned * (1.0 if space == "lps" else _RIGHT_AND_FRONT[: place.ndim])


def in_array_mm(place: Volume, point: Sequence[float], space: Space) -> NDArray[np.float64]:
    """A place in the patient, x, y, z, as mm along the array's axes; raises ValueError for too few or many numbers."""
    if len(point) != place.ndim:
        raise ValueError(f"root: expected {place.ndim} numbers for a mask of {place.ndim} dimensions, got {len(point)}")
    sides = 1.0 if space == "lps" else _RIGHT_AND_FRONT[: place.ndim]
    world = (np.array(point, dtype=np.float64) * sides)[::-1]
    along: NDArray[np.float64] = np.array(place.direction).T @ (world - np.array(place.origin_mm))
    return along
