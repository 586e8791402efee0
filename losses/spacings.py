"""Voxel sizes as they may be given: of each sample, of all of them, or one number."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ramify.losses.value_checks import values_are_checked

Spacing = Tensor | Sequence[float] | float


def spacings_of(volumes: Tensor, spacing_mm: Spacing | None) -> Tensor:
    """The voxel size of each sample of (B, C, *S), float64 (B, number of axes), z, y, x; 1 mm if None.

    spacing_mm: a row a sample, one row for all, or one number for all axes.

    Raises ValueError where there is no spatial axis, or the spacing does not fit or is not positive.
    """
    axes = volumes.ndim - 2
    if axes < 1:
        shape = tuple(volumes.shape)
        raise ValueError(f"target: expected (batch, channel, …) with a spatial axis at least, got {shape}")
    given = spacing_mm.cpu() if isinstance(spacing_mm, Tensor) else spacing_mm
    try:
        spacings = torch.as_tensor(1.0 if given is None else given, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"spacing_mm: expected numbers, such as {(1.0,) * axes}, got {given!r}") from None
    expected = (volumes.shape[0], axes)
    if tuple(spacings.shape) not in ((), (axes,), expected):
        raise ValueError(
            f"spacing_mm: expected shape {expected}, a row of {axes} a sample (z, y, x), one row, or a number, got "
            f"{tuple(spacings.shape)}"
        )
    if values_are_checked() and not all(0.0 < size < math.inf for size in spacings.flatten().tolist()):
        raise ValueError(f"spacing_mm: expected positive numbers, got {spacings.tolist()}")
    return spacings.expand(expected)
