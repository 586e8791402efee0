"""From the vectors of a header to a place at right angles: small errors are mended, shear is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ramify.data.volume import Volume, checked_spacing

ALLOWED_MOVE = 0.5
"""No corner voxel may move further than this share of the finest voxel side to bring axes to right angles ..."""
NOTED_MOVE = 0.1
"""... and a move beyond this share is noted."""


def place(
    array: NDArray[Any],
    steps_mm: ArrayLike,
    origin_mm: ArrayLike,
    path: Path,
    spacing_mm: Sequence[float] | None = None,
    notes: Sequence[str] = (),
) -> Volume:
    """`array` (z, y, x) in the place that a header gives in the order x, y, z (LPS).

    steps_mm: (ndim, ndim); column k is the way from a voxel to the next along the k-th axis of the file (x first).
    origin_mm: (ndim,) centre of the first voxel. spacing_mm: (z, y, x) in place of the steps' lengths.

    A header's numbers are rounded, so axes are brought to right angles (the nearest rotation, about the volume's
    centre) where that moves no voxel by more than half the finest voxel side. Raises ValueError that names the file:
    sheared, no finite numbers, spacing not > 0.
    """
    steps, origin = np.asarray(steps_mm, dtype=np.float64), np.asarray(origin_mm, dtype=np.float64)
    if not (np.isfinite(steps).all() and np.isfinite(origin).all()):
        raise ValueError(f"{path}: expected finite numbers for place and direction, got {steps.tolist()}; correct it")
    lengths = np.linalg.norm(steps, axis=0)
    spacing = np.array(checked_spacing(lengths[::-1], array.ndim, str(path)))[::-1]
    if spacing_mm is not None:
        spacing = np.array(checked_spacing(spacing_mm, array.ndim, f"{path}: spacing_mm"))[::-1]
    direction, moved = nearest_rotation(steps / lengths, spacing * (np.array(array.shape[::-1]) - 1))
    finest = float(spacing.min())
    if not moved <= ALLOWED_MOVE * finest:
        angle = np.degrees(np.arcsin(min(1.0, off_right_angle(steps / lengths))))
        raise ValueError(
            f"{path}: sheared: its axes are {angle:.3g} degrees off a right angle, which is {moved:.3g} mm at the "
            f"corners where {ALLOWED_MOVE * finest:.3g} mm is allowed; resample it to a right-angled grid"
        )
    centre = spacing * (np.array(array.shape[::-1]) - 1) / 2
    origin = origin + (steps / lengths - direction) @ centre
    said = [f"axes brought to right angles, which moves corners by {moved:.3g} mm"] * (moved > NOTED_MOVE * finest)
    try:
        return Volume(
            array,
            tuple(spacing[::-1].tolist()),
            tuple((origin[::-1] + 0.0).tolist()),
            tuple(map(tuple, (direction[::-1, ::-1] + 0.0).tolist())),
            notes=(*notes, *said),
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def nearest_rotation(direction: NDArray[np.float64], extent_mm: NDArray[np.float64]) -> tuple[NDArray[Any], float]:
    """The orthonormal matrix nearest to unit columns (polar decomposition), and how far corners move, in mm, about the
    centre of a volume of that extent along each column."""
    if np.allclose(direction.T @ direction, np.eye(len(direction)), rtol=0, atol=1e-12):
        return direction, 0.0
    left, _, right = np.linalg.svd(direction)
    rotation = left @ right
    return rotation, float(np.linalg.norm(np.abs(direction - rotation) @ (extent_mm / 2)))


def off_right_angle(direction: NDArray[np.float64]) -> float:
    """The greatest cosine between two of the unit columns."""
    return float(np.abs(direction.T @ direction - np.diag(np.diag(direction.T @ direction))).max())
