"""The outline of a phantom's liver, as a formula over the volume: the same shape on any grid."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ramify.phantoms.tree_growth import Region

# Centre and half axes (z, y, x) of the two lobes and of what presses into the liver from below and behind, in units
# of half the volume: z upwards, y to the back, x to the patient's left, so the large lobe lies at low x.
_LOBES = (
    ((0.00, 0.02, -0.26), (0.88, 0.80, 0.64)),
    ((0.26, -0.26, 0.42), (0.48, 0.46, 0.52)),
)
_HOLLOWS = (
    ((-0.86, 0.40, 0.66), (0.76, 0.66, 0.72)),
    ((0.20, 0.80, 0.16), (2.00, 0.28, 0.20)),
)
_BLEND = 9.0
_WAVES = 10
# A plane stands for an axial section at this height.
_SECTION = 0.05
# Lattice points along the longest side for growing trees: fixed, so that trees do not know the image's grid.
_LATTICE = 72


# z, y, x of a grid's cells.
Axes = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True)
class OrganShape:
    """A liver's outline: lobes and hollows, each a little off its usual place, and waves over the surface.

    Attributes:
        extent_mm: (ndim,) size of the volume.
        lobes, hollows: (n, 2, 3) centres and half axes in units of half the volume.
        waves: (w, 5) wave vector, phase and height.
    """

    extent_mm: NDArray[np.float64]
    lobes: NDArray[np.float64]
    hollows: NDArray[np.float64]
    waves: NDArray[np.float64]


def draw_organ(extent_mm: NDArray[np.float64], rng: np.random.Generator) -> OrganShape:
    """A liver at random, in a volume of the given size (mm, 2 or 3 numbers)."""
    lobes, hollows = np.array(_LOBES), np.array(_HOLLOWS)
    lobes[:, 0] += rng.uniform(-0.04, 0.04, lobes[:, 0].shape)
    lobes[:, 1] *= rng.uniform(0.92, 1.06, lobes[:, 1].shape)
    hollows[:, 0] += rng.uniform(-0.05, 0.05, hollows[:, 0].shape)
    vectors = rng.normal(0.0, 2.6, (_WAVES, 3))
    phases = rng.uniform(0, 2 * np.pi, (_WAVES, 1))
    heights = rng.normal(0.0, 0.022, (_WAVES, 1))
    return OrganShape(extent_mm, lobes, hollows, np.concatenate([vectors, phases, heights], axis=1))


def grid_axes(size: Sequence[int]) -> Axes:
    """Coordinates z, y, x of a grid's cell centres in units of half the volume, to broadcast; a plane's z is fixed."""
    axes = [(np.arange(n, dtype=np.float32) + 0.5) * np.float32(2.0 / n) - 1 for n in size]
    if len(axes) == 2:
        axes.insert(0, np.array([_SECTION], np.float32))
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    return z, y, x


def ellipsoid_level(axes: Axes, centre: NDArray[np.float64], half_axes: NDArray[np.float64]) -> NDArray[np.float32]:
    """-1 at an ellipsoid's centre, 0 on its surface, growing outwards; broadcast over the axes."""
    z, y, x = ((u - np.float32(c)) / np.float32(h) for u, c, h in zip(axes, centre, half_axes, strict=True))
    level: NDArray[np.float32] = np.sqrt(z * z + y * y + x * x) - 1
    return level


def organ_level(shape: OrganShape, size: Sequence[int]) -> NDArray[np.float32]:
    """How far outside the liver the centre of every cell of a grid lies, in no fixed unit: below 0 is inside.

    Args:
        shape: the outline.
        size: cells along each axis of a grid that covers the volume.

    Returns:
        (*size) float32, smooth.
    """
    axes = grid_axes(size)
    inside = sum(np.exp(-_BLEND * ellipsoid_level(axes, centre, half)) for centre, half in shape.lobes)
    outside = sum(np.exp(-_BLEND * ellipsoid_level(axes, centre, half)) for centre, half in shape.hollows)
    level = np.log(1 / inside + outside) / _BLEND
    z, y, x = axes
    for kz, ky, kx, phase, height in shape.waves.tolist():
        level = level + np.float32(height) * np.cos(kz * z + ky * y + kx * x + np.float32(phase))
    of_cells: NDArray[np.float32] = level.astype(np.float32).reshape(tuple(size))
    return of_cells


def growing_region(shape: OrganShape) -> Region:
    """The liver as tree growth wants it: its depth on a lattice that depends on the volume alone."""
    size = np.maximum(8, np.round(_LATTICE * shape.extent_mm / shape.extent_mm.max())).astype(int)
    step = shape.extent_mm / size
    inside = np.pad(organ_level(shape, size.tolist()) < 0, 1)
    depth = ndimage.distance_transform_edt(inside, sampling=step)
    # A lattice point just inside lies half a step from the surface on average.
    depth = np.maximum(depth - 0.5 * step.min(), 0.0)[tuple(slice(1, -1) for _ in size)]
    return Region(depth_mm=depth, step_mm=step)


def organ_point_mm(
    shape: OrganShape, place: Sequence[float], least_depth_mm: float, region: Region
) -> NDArray[np.float64]:
    """The lattice point nearest to a place in the liver that lies deep enough.

    Args:
        shape: the outline.
        place: (z, y, x) in units of half the volume; a plane ignores z.
        least_depth_mm: how far below the surface.
        region: the liver on its lattice.

    Raises:
        ValueError: the liver is nowhere as deep as that.
    """
    deep = np.argwhere(region.depth_mm >= least_depth_mm)
    if len(deep) == 0:
        raise ValueError(
            f"root_radius_mm: a trunk that needs {least_depth_mm:.1f} mm around it does not fit an organ "
            f"{region.depth_mm.max():.1f} mm deep; use a thinner trunk or a larger volume"
        )
    target = (np.array(place)[3 - deep.shape[1] :] + 1) * shape.extent_mm / 2
    points = (deep + 0.5) * region.step_mm
    nearest: NDArray[np.float64] = points[np.argmin(((points - target) ** 2).sum(axis=1))]
    return nearest
