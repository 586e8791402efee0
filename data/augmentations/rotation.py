"""Rotation about every axis."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.data.augmentations.drawn import Augmentation, Draw


def rotation(drawn: Augmentation, draw: Draw) -> Augmentation:
    """One angle in the plane of every pair of axes: three in 3D, one in 2D."""
    matrix, ndim = drawn.matrix_mm, len(drawn.matrix_mm)
    limit = np.deg2rad(draw.settings.rotation_degrees) if draw.moved else 0.0
    for first in range(ndim):
        for second in range(first + 1, ndim):
            matrix = _plane_rotation(ndim, first, second, draw.random.uniform(-limit, limit)) @ matrix
    return replace(drawn, matrix_mm=matrix)


def _plane_rotation(ndim: int, first: int, second: int, angle: float) -> NDArray[Any]:
    """Rotation by an angle in the plane of two axes."""
    matrix = np.eye(ndim)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix
