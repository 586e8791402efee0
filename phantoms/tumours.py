"""Tumours of a phantom: balls whose surface waves, where the larger vessels leave most room."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ramify.phantoms.organ_shape import OrganShape, growing_region
from ramify.phantoms.smooth_fields import draw_waves, plane_waves
from ramify.phantoms.vessel_graph import VesselGraph

_WAVES = 12
_PLACES = 40


@dataclass(frozen=True, eq=False)
class Tumour:
    """A blob: a ball whose surface waves; contrast_hu: over the liver, below 0 for a dark one."""

    centre_mm: NDArray[np.float64]
    radius_mm: float
    contrast_hu: float
    waves: NDArray[np.float64]


def draw_tumours(
    count: int,
    radius_mm: tuple[float, float],
    contrast_hu: tuple[float, float],
    shape: OrganShape,
    graph: VesselGraph,
    rng: np.random.Generator,
) -> list[Tumour]:
    """Tumours where the larger vessels leave most room, for they grow in place of liver, not of trunks.

    Args:
        count: how many, alternately darker and brighter than the liver.
        radius_mm: smallest and largest.
        contrast_hu: smallest and largest difference from the liver.
        shape: the organ.
        graph: its trees.
        rng: source.
    """
    region = growing_region(shape)
    tumours: list[Tumour] = []
    middles = 0.5 * (graph.nodes_mm[graph.edges[:, 0]] + graph.nodes_mm[graph.edges[:, 1]])
    for number in range(count):
        radius = float(rng.uniform(*radius_mm))
        deep = np.argwhere(region.depth_mm > min(radius, 0.7 * float(region.depth_mm.max())))
        places = (deep[rng.integers(len(deep), size=_PLACES)] + 0.5) * region.step_mm
        walls = np.linalg.norm(places[:, None] - middles, axis=2) - 2 * graph.radii_mm
        room = walls.min(axis=1)
        for other in tumours:
            room = np.minimum(room, np.linalg.norm(places - other.centre_mm, axis=1) - other.radius_mm - radius)
        contrast = float(rng.uniform(*contrast_hu)) * (-1 if number % 2 == 0 else 1)
        waves = draw_waves(_WAVES, 0.8 * radius, rng)
        tumours.append(Tumour(places[np.argmax(room)], radius, contrast, waves))
    return tumours


def tumour_share(
    tumour: Tumour, size: Sequence[int], spacing_mm: Sequence[float]
) -> tuple[NDArray[np.float32], tuple[slice, ...]]:
    """Share of a tumour in the voxels of the window around it, and that window."""
    steps = np.array(spacing_mm)
    low = np.maximum(np.floor((tumour.centre_mm - 1.8 * tumour.radius_mm) / steps).astype(int), 0)
    high = np.minimum(np.ceil((tumour.centre_mm + 1.8 * tumour.radius_mm) / steps).astype(int) + 1, size)
    window = tuple(slice(a, b) for a, b in zip(low.tolist(), high.tolist(), strict=True))
    axes = [(np.arange(a, b) + 0.5) * step for a, b, step in zip(low, high, steps, strict=True)]
    offsets = np.meshgrid(
        *[axis - c for axis, c in zip(axes, tumour.centre_mm, strict=True)], indexing="ij", sparse=True
    )
    distance = np.sqrt(sum(offset * offset for offset in offsets))
    wavy = plane_waves(tumour.waves, (high - low).tolist(), spacing_mm, corner_mm=low * steps)
    surface = tumour.radius_mm * (1 + 0.2 * np.clip(wavy, -2, 2))
    return np.clip(0.5 + (surface - distance) / steps.max(), 0, 1).astype(np.float32), window
