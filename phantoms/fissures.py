"""Fissures of a phantom's liver: sheets of fat that reach in from its surface and thin out, with vessels in some."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ramify.phantoms.smooth_fields import draw_waves, plane_waves

_WAVES = 12
_WAVE_MM, _BEND_MM = 25.0, 3.0
"""Correlation length and standard deviation of what bends a sheet."""
_REACH_MM = (20.0, 60.0)


def fissures(
    count: int,
    thickness_mm: tuple[float, float],
    organ: NDArray[np.bool_],
    surface: NDArray[np.bool_],
    spacing_mm: Sequence[float],
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Voxels of the organ that lie in a fissure, bool (*S).

    Args:
        count: how many sheets.
        thickness_mm: least and most, at the surface; a sheet thins out over its reach.
        organ: the liver, (z, y, x).
        surface: voxels from which they may begin.
        spacing_mm: voxel size.
        rng: source.
    """
    inside = np.zeros(organ.shape, bool)
    steps = np.array(spacing_mm)
    places = np.argwhere(surface)
    for _ in range(count if len(places) else 0):
        start = (places[rng.integers(len(places))] + 0.5) * steps
        normal = rng.standard_normal(3)
        normal /= np.linalg.norm(normal)
        thickness, reach = rng.uniform(*thickness_mm), rng.uniform(*_REACH_MM)
        low = np.maximum(((start - reach) / steps).astype(int), 0)
        high = np.minimum(((start + reach) / steps).astype(int) + 1, organ.shape)
        window = tuple(slice(a, b) for a, b in zip(low.tolist(), high.tolist(), strict=True))
        axes = [(np.arange(a, b) + 0.5) * step - c for a, b, step, c in zip(low, high, steps, start, strict=True)]
        z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
        bend = plane_waves(draw_waves(_WAVES, _WAVE_MM, rng), (high - low).tolist(), spacing_mm)
        apart = np.abs(normal[0] * z + normal[1] * y + normal[2] * x + _BEND_MM * bend)
        left = 1 - np.sqrt(z * z + y * y + x * x) / reach
        inside[window] |= organ[window] & (apart < 0.5 * thickness * left)
    return inside
