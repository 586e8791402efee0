"""What lies around a phantom's liver: fat, muscle, lung, bone, kidney, spleen, stomach and great vessels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ramify.phantoms.organ_shape import ellipsoid_level, grid_axes
from ramify.phantoms.tissues import Tissue

FAT_HU = -95.0
_LUNG_HU = -820.0
_MUSCLE_HU = 58.0
# How thick the muscle over the liver's dome and flank is, in the units of the organ's level.
_DIAPHRAGM = 0.05

# Centre, half axes (z, y, x; units of half the volume), HU and tissue, painted in this order around the liver. A half
# axis of 9 makes a column through the volume.
_ORGANS = (
    ("stomach", (0.10, -0.25, 1.02), (0.45, 0.45, 0.36), 40.0, Tissue.FLUID),
    ("gas", (0.12, -0.52, 1.02), (0.28, 0.16, 0.26), -780.0, Tissue.AIR),
    ("spleen", (0.20, 0.75, 1.05), (0.40, 0.30, 0.30), 122.0, Tissue.SPLEEN),
    ("kidney", (-0.75, 0.72, -0.25), (0.34, 0.24, 0.24), 185.0, Tissue.KIDNEY),
    ("pelvis of the kidney", (-0.75, 0.72, -0.20), (0.16, 0.10, 0.10), -20.0, Tissue.FAT),
    ("bowel", (-0.85, -0.30, 0.55), (0.25, 0.30, 0.36), 30.0, Tissue.FLUID),
    ("vertebra", (0.0, 1.08, 0.36), (9.0, 0.26, 0.24), 240.0, Tissue.BONE),
    ("aorta", (0.0, 0.80, 0.46), (9.0, 0.09, 0.09), 165.0, Tissue.AORTA),
    ("inferior vena cava", (0.0, 0.80, 0.16), (9.0, 0.10, 0.12), 135.0, Tissue.VENA_CAVA),
)
_RIBS = 5
_RIB_HU = 420.0


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Blobs around the organ: centres and half axes (n, 3) in units of half the volume, HU (n,) and tissues (n)."""

    centres: NDArray[np.float64]
    half_axes: NDArray[np.float64]
    values_hu: NDArray[np.float64]
    tissues: tuple[Tissue, ...]
    body_wall: bool


def draw_surroundings(wanted: bool, rng: np.random.Generator) -> Surroundings:
    """The neighbours of one liver, each a little off its usual place; none if they are not wanted."""
    if not wanted:
        return Surroundings(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0), (), body_wall=False)
    centres = [centre for _, centre, *_ in _ORGANS]
    half_axes = [half for _, _, half, *_ in _ORGANS]
    values = [value for *_, value, _ in _ORGANS]
    tissues = (*(tissue for *_, tissue in _ORGANS), *[Tissue.BONE] * _RIBS)
    for angle in np.linspace(0.75, 1.35, _RIBS) * np.pi:
        centres.append((rng.uniform(-0.8, 0.8), 1.02 * np.sin(angle), 1.02 * np.cos(angle)))
        half_axes.append((0.10, 0.10, 0.06))
        values.append(_RIB_HU)
    jitter = rng.uniform(-0.06, 0.06, (len(centres), 3))
    growth = rng.uniform(0.85, 1.15, (len(centres), 1))
    shift = rng.normal(0, 10, len(values))
    places = np.array(centres) + jitter, np.array(half_axes) * growth
    return Surroundings(*places, np.array(values) + shift, tissues, body_wall=True)


def paint_surroundings(
    surroundings: Surroundings, level: NDArray[np.float32], spacing_mm: Sequence[float]
) -> NDArray[np.float32]:
    """HU of everything but the liver, as if it were not there.

    Args:
        surroundings: what lies around.
        level: (*S) the organ's level; muscle and lung follow its surface.
        spacing_mm: voxel size.

    Returns:
        (*S) float32 HU.
    """
    image = np.full(level.shape, FAT_HU, np.float32)
    z, y, x = grid_axes(level.shape)
    if surroundings.body_wall:
        above, flank, beyond = _body_wall(level)
        image[above] = _LUNG_HU
        image[flank | beyond] = _MUSCLE_HU
    extent = np.array(level.shape) * np.array(spacing_mm)
    for centre, half, value in zip(surroundings.centres, surroundings.half_axes, surroundings.values_hu, strict=True):
        # One voxel's ramp stands for the voxels that a surface cuts.
        width = np.float32(2 * max(spacing_mm) / (half.min() * extent.mean()))
        share = np.clip(0.5 - ellipsoid_level((z, y, x), centre, half) / width, 0, 1).reshape(level.shape)
        image += share * (np.float32(value) - image)
    return image


def tissues_around(surroundings: Surroundings, level: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The same as a tissue map: the number of what each voxel's centre lies in, uint8 (*S).

    level: (*S) the organ's level; muscle and lung follow its surface.
    """
    z, y, x = grid_axes(level.shape)
    tissues = np.full(level.shape, Tissue.FAT, np.uint8)
    if surroundings.body_wall:
        above, flank, beyond = _body_wall(level)
        tissues[above] = Tissue.LUNG
        tissues[flank | beyond] = Tissue.MUSCLE
    for centre, half, tissue in zip(surroundings.centres, surroundings.half_axes, surroundings.tissues, strict=True):
        tissues[ellipsoid_level((z, y, x), centre, half).reshape(level.shape) < 0] = tissue
    return tissues


def _body_wall(
    level: NDArray[np.float32],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Where the lung lies, the muscle along the organ's flank, and that of the body's wall, bool (*S) each."""
    z, y, x = grid_axes(level.shape)
    plane = (...,) if level.ndim == 3 else (0,)
    above = (z + 0.3 * (1 - y * y) - 0.2 * x)[plane] > 0.55
    flank = np.broadcast_to((x < 0.5)[plane], level.shape) & (level < _DIAPHRAGM)
    beyond = (y * y + x * x)[plane] > 1.02
    return np.broadcast_to(above, level.shape), flank, np.broadcast_to(beyond, level.shape)
