"""How lesions look in a CT: of one density or of two in patches, with a rim that enhances or without."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ramify.appearance.settings import AppearanceSettings
from ramify.phantoms.smooth_fields import draw_waves, plane_waves
from ramify.phantoms.tissues import FIRST_LESION, MOST_LESIONS, Tissue

_WAVES = 12
_DENSE_HU = (200.0, 600.0)
_WAVING = 0.5
"""Relative standard deviation of a rim's thickness along the surface."""


@dataclass(frozen=True, eq=False)
class LesionLooks:
    """Of each lesion, by its number from the first on; arrays (MOST_LESIONS,), float32.

    Attributes:
        hu, other_hu: the two densities.
        level: patches of the other one lie where a field of mean 0 and variance 1 is above it; infinite for none.
        patch_mm: their correlation length.
        rim_hu, rim_mm: density and thickness of the rim; 0 mm for none.
        rim_outside: share of its thickness that lies outside the lesion.
    """

    hu: NDArray[np.float32]
    other_hu: NDArray[np.float32]
    level: NDArray[np.float32]
    patch_mm: NDArray[np.float32]
    rim_hu: NDArray[np.float32]
    rim_mm: NDArray[np.float32]
    rim_outside: NDArray[np.float32]


def draw_looks(
    settings: AppearanceSettings, liver_hu: float, portal_hu: float, random: np.random.Generator
) -> LesionLooks:
    """Looks at random. portal_hu: contrast of the portal vein over the liver, of which rims have a share."""

    def among(bounds: tuple[float, float]) -> NDArray[np.float32]:
        return random.uniform(*bounds, MOST_LESIONS).astype(np.float32)

    def those(share: float) -> NDArray[np.bool_]:
        return random.random(MOST_LESIONS) < share

    def densities() -> NDArray[np.float32]:
        usual = np.float32(liver_hu) + among(settings.lesion_contrast_hu)
        return np.where(those(settings.dense_lesions), among(_DENSE_HU), usual)

    return LesionLooks(
        hu=densities(),
        other_hu=densities(),
        level=np.where(those(settings.uneven_lesions), among((-1.0, 1.0)), np.float32(np.inf)),
        patch_mm=among(settings.patch_mm),
        rim_hu=np.float32(liver_hu) + np.float32(portal_hu) * among(settings.rim_to_portal),
        rim_mm=np.where(those(settings.lesion_rims), among(settings.rim_mm), np.float32(0)),
        rim_outside=among((0.0, 1.0)),
    )


def show_lesions(
    image: NDArray[np.float32],
    looks: LesionLooks,
    tissues: NDArray[np.uint8],
    spacing_mm: tuple[float, ...],
    random: np.random.Generator,
) -> None:
    """Paint the lesions of a tissue map, (z, y, x), into its image in HU, in place; a rim stays inside the liver."""
    numbered = np.where(tissues >= FIRST_LESION, tissues - np.uint8(FIRST_LESION - 1), np.uint8(0))
    for number, window in enumerate(ndimage.find_objects(numbered)):
        if window is None:
            continue
        inside = numbered[window] == number + 1
        image[window][inside] = looks.hu[number]
        if np.isfinite(looks.level[number]):
            field = _field(float(looks.patch_mm[number]), inside.shape, spacing_mm, random)
            image[window][inside & (field > looks.level[number])] = looks.other_hu[number]
        if thickness := float(looks.rim_mm[number]):
            wide = _widened(window, (1 + 2 * _WAVING) * thickness, spacing_mm)
            inside = numbered[wide] == number + 1
            rim = _rim(inside, thickness, float(looks.rim_outside[number]), spacing_mm, random)
            rim *= tissues[wide] >= Tissue.LIVER
            image[wide] += rim * (looks.rim_hu[number] - image[wide])


def _widened(window: tuple[slice, ...], margin_mm: float, spacing_mm: tuple[float, ...]) -> tuple[slice, ...]:
    margins = [int(np.ceil(margin_mm / step)) + 1 for step in spacing_mm]
    return tuple(slice(max(0, one.start - more), one.stop + more) for one, more in zip(window, margins, strict=True))


def _rim(
    inside: NDArray[np.bool_],
    thickness_mm: float,
    outside: float,
    spacing_mm: tuple[float, ...],
    random: np.random.Generator,
) -> NDArray[np.float32]:
    """How much of each voxel a shell about the surface of a lesion fills, thicker here and thinner there.

    inside: the lesion. outside: share of the thickness that lies outside it.
    """
    if inside.all():
        # Its surface is nowhere near.
        return np.zeros(inside.shape, np.float32)
    outwards = ndimage.distance_transform_edt(~inside, sampling=spacing_mm)
    outwards -= ndimage.distance_transform_edt(inside, sampling=spacing_mm)
    waving = 1 + _WAVING * np.clip(_field(thickness_mm + 2, inside.shape, spacing_mm, random), -2, 2)
    from_wall = np.abs(outwards - (outside - 0.5) * thickness_mm) - 0.5 * thickness_mm * waving
    filled: NDArray[np.float32] = np.clip(0.5 - from_wall / max(spacing_mm), 0, 1).astype(np.float32)
    return filled


def _field(
    correlation_mm: float, size: tuple[int, ...], spacing_mm: tuple[float, ...], random: np.random.Generator
) -> NDArray[np.float32]:
    return plane_waves(draw_waves(_WAVES, correlation_mm, random), size, spacing_mm)
