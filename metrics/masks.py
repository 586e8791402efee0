"""What every measure asks of a pair of masks first: booleans of one shape, with a spacing in millimetres."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ramify.vessels.masks import check_boolean

Mask = NDArray[np.bool_]


def check_pair(prediction: Mask, target: Mask) -> None:
    """Refuse anything but two boolean masks of one shape.

    Raises:
        ValueError: naming the mask, what it is and what to do.
    """
    for name, mask in (("prediction", prediction), ("target", target)):
        check_boolean(mask, name)
    if prediction.shape != target.shape:
        raise ValueError(
            f"prediction has shape {prediction.shape}, target has shape {target.shape}; "
            "resample one onto the other's grid"
        )
    if target.ndim == 0 or target.size == 0:
        raise ValueError(f"prediction and target: expected at least one voxel, got shape {target.shape}")


def check_mask(mask: Mask, name: str) -> None:
    """Refuse anything but a boolean mask in 2D or 3D with at least one voxel; ValueError that begins with `name`."""
    check_boolean(mask, name)
    if mask.ndim not in (2, 3) or mask.size == 0:
        raise ValueError(f"{name}: expected 2 or 3 dimensions and at least one voxel, got shape {mask.shape}")


def check_spacing(spacing_mm: Sequence[float], ndim: int) -> tuple[float, ...]:
    """The spacing as floats, one positive finite number an array axis.

    Raises:
        ValueError: when the length is not ndim, or a value is not a positive finite number.
    """
    spacing = tuple(float(value) for value in spacing_mm)
    if len(spacing) != ndim or not all(math.isfinite(value) and value > 0 for value in spacing):
        raise ValueError(f"spacing_mm: expected {ndim} positive numbers in array axis order (z, y, x), got {spacing}")
    return spacing
