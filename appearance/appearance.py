"""One CT's appearance, drawn from bounds, and an anatomy painted with it.

Of anatomies and of windows of them, as labels. The one image of a phantom is painted in `ramify.phantoms.ct_image`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ramify.appearance.lesions import LesionLooks, draw_looks, show_lesions
from ramify.appearance.scanner_noise import NoiseShape, slice_noise
from ramify.appearance.settings import AppearanceSettings
from ramify.appearance.slices import along_z, slices
from ramify.phantoms.smooth_fields import draw_waves, plane_waves
from ramify.phantoms.tissues import TISSUES, Tissue

Volume = NDArray[np.float32]
_WAVES = 16
_NOTHING_HU = -1000.0
# HU of what is no liver, least and most; a contrast phase may give the organs almost any of them.
_AROUND = {
    Tissue.AIR: (-1000.0, -900.0),
    Tissue.FAT: (-130.0, -60.0),
    Tissue.MUSCLE: (30.0, 80.0),
    Tissue.LUNG: (-900.0, -700.0),
    Tissue.BONE: (150.0, 700.0),
    Tissue.SPLEEN: (60.0, 160.0),
    Tissue.KIDNEY: (80.0, 230.0),
    Tissue.FLUID: (-10.0, 70.0),
}
_CAPSULE_PATCH_MM, _CAPSULE_LEVEL = 20.0, -0.5
_AORTA_TO_PORTAL, _CAVA_TO_PORTAL = (0.7, 2.5), (0.2, 1.2)


@dataclass(frozen=True, eq=False)
class Appearance:
    """How a CT shows an anatomy.

    Attributes:
        tissues_hu: of each number in a tissue map, float32 (TISSUES,); lesions have looks of their own.
        lesions: these.
        capsule_hu, capsule_mm: of what touches the liver from outside; 0 mm where that is nothing of its own.
        contrasts_hu: of portal vein and hepatic veins over the liver.
        contrast_drift: relative, see the settings.
        texture_hu, texture_mm, perfusion_hu, perfusion_mm: of the liver's texture.
        slice_drift_hu, slice_drift_mm: of what changes from slice to slice.
        blur_mm, sharpening, slice_mm: of the scanner.
        noise_hu, noise: strength and spectrum.
        is_cut: whether the field of view ends in it.
    """

    tissues_hu: Volume
    lesions: LesionLooks
    capsule_hu: float
    capsule_mm: float
    contrasts_hu: tuple[float, float]
    contrast_drift: float
    texture_hu: float
    texture_mm: float
    perfusion_hu: float
    perfusion_mm: float
    slice_drift_hu: float
    slice_drift_mm: float
    blur_mm: float
    sharpening: float
    slice_mm: float
    noise_hu: float
    noise: NoiseShape
    is_cut: bool


def draw_appearance(settings: AppearanceSettings, random: np.random.Generator) -> Appearance:
    """An appearance at random; the same generator state gives the same one."""

    def between(bounds: tuple[float, float]) -> float:
        return float(random.uniform(*bounds))

    def between_logarithms(bounds: tuple[float, float]) -> float:
        # A bound of 0, which has no logarithm, counts as a thousandth.
        return float(np.exp(random.uniform(*np.log(np.maximum(bounds, 1e-3)))))

    liver, portal = between(settings.liver_hu), between_logarithms(settings.portal_contrast_hu)
    values = np.zeros(TISSUES, np.float32)
    for tissue, bounds in _AROUND.items():
        values[tissue] = between(bounds)
    values[Tissue.AORTA] = liver + portal * between(_AORTA_TO_PORTAL)
    values[Tissue.VENA_CAVA] = liver + portal * between(_CAVA_TO_PORTAL)
    values[Tissue.LIVER] = liver
    noise = between_logarithms(settings.noise_hu)
    if settings.least_contrast_to_noise:
        noise = min(noise, portal / settings.least_contrast_to_noise)
    return Appearance(
        tissues_hu=values,
        lesions=draw_looks(settings, liver, portal, random),
        capsule_hu=liver + between(settings.capsule_contrast_hu),
        capsule_mm=between(settings.capsule_mm) if random.random() < settings.capsules else 0.0,
        contrasts_hu=(portal, portal * between(settings.hepatic_to_portal)),
        contrast_drift=settings.contrast_drift,
        texture_hu=between(settings.texture_hu),
        texture_mm=between(settings.texture_mm),
        perfusion_hu=between(settings.perfusion_hu),
        perfusion_mm=between(settings.perfusion_mm),
        slice_drift_hu=between(settings.slice_drift_hu),
        slice_drift_mm=between_logarithms(settings.slice_drift_mm),
        blur_mm=between(settings.blur_mm),
        sharpening=between(settings.sharpening),
        slice_mm=between_logarithms(settings.slice_mm),
        noise_hu=noise,
        noise=NoiseShape(
            grain_mm=between(settings.noise_grain_mm),
            ramp=bool(random.random() < settings.ramp),
            streaks=between(settings.streaks),
            angle=between((0.0, np.pi)),
        ),
        is_cut=bool(random.random() < settings.cut_probability),
    )


def paint(
    appearance: Appearance,
    tissues: NDArray[np.uint8],
    shares: Volume,
    spacing_mm: tuple[float, ...],
    random: np.random.Generator,
) -> Volume:
    """A CT of an anatomy, or of a part of one.

    Args:
        appearance: how it looks.
        tissues: tissue map, (z, y, x); slices are stacked along z.
        shares: how much of a voxel portal vein and hepatic veins fill, in [0, 1], (2, z, y, x).
        spacing_mm: voxel size.
        random: source of texture and noise.

    Returns:
        float32 HU, (z, y, x).
    """
    size = tissues.shape
    image = _without_vessels(appearance, tissues, spacing_mm, random)
    drift = 1 + appearance.contrast_drift * plane_waves(draw_waves(_WAVES, 30.0, random), size, spacing_mm)
    liver = appearance.tissues_hu[Tissue.LIVER]
    for share, contrast in zip(shares, appearance.contrasts_hu, strict=True):
        # A vessel is as bright outside the organ as in it.
        image += share * (liver + contrast * drift - image)
    image += appearance.slice_drift_hu * _slice_drift(appearance.slice_drift_mm, size[0], spacing_mm[0], random)
    return _scanned(appearance, image, spacing_mm, random)


def _slice_drift(correlation_mm: float, depth: int, step_mm: float, random: np.random.Generator) -> Volume:
    """A field of variance 1 that changes along z alone, (z, 1, 1)."""
    waves = draw_waves(_WAVES, correlation_mm, random)
    return plane_waves(waves, (depth, 1, 1), (step_mm, 0.0, 0.0))


def _without_vessels(
    appearance: Appearance, tissues: NDArray[np.uint8], spacing_mm: tuple[float, ...], random: np.random.Generator
) -> Volume:
    fine = draw_waves(_WAVES, appearance.texture_mm, random)
    slow = draw_waves(_WAVES, appearance.perfusion_mm, random)
    fine[:, 4] *= appearance.texture_hu
    slow[:, 4] *= appearance.perfusion_hu
    image: Volume = appearance.tissues_hu[tissues]
    show_lesions(image, appearance.lesions, tissues, spacing_mm, random)
    if appearance.capsule_mm:
        shell = _touching(tissues >= Tissue.LIVER, appearance.capsule_mm, spacing_mm)
        # Here a capsule, there the fat or lung itself.
        there = plane_waves(draw_waves(_WAVES, _CAPSULE_PATCH_MM, random), tissues.shape, spacing_mm) > _CAPSULE_LEVEL
        image[shell & there] = appearance.capsule_hu
    image += plane_waves(np.concatenate([fine, slow]), tissues.shape, spacing_mm)
    return image


def _touching(liver: NDArray[np.bool_], thickness_mm: float, spacing_mm: tuple[float, ...]) -> NDArray[np.bool_]:
    """A shell about the liver, at least a voxel thick."""
    layers = max(1, round(thickness_mm / min(spacing_mm)))
    shell: NDArray[np.bool_] = ndimage.binary_dilation(liver, iterations=layers) & ~liver
    return shell


def _scanned(
    appearance: Appearance, image: Volume, spacing_mm: tuple[float, ...], random: np.random.Generator
) -> Volume:
    """What a scanner makes of it: blurred, sharpened, in slices, with noise, and only within its field of view."""
    in_slice = [0.0, *(appearance.blur_mm / step for step in spacing_mm[1:])]
    blurred: Volume = ndimage.gaussian_filter(image, in_slice, mode="nearest", truncate=3)
    if appearance.sharpening:
        again = ndimage.gaussian_filter(blurred, in_slice, mode="nearest", truncate=3)
        blurred += np.float32(appearance.sharpening) * (blurred - again)
    depth, height, width = image.shape
    stack = slices(depth, spacing_mm[0], appearance.slice_mm, float(random.random()))
    scanned = along_z(stack.average, blurred)
    noise = slice_noise((len(scanned), height, width), (spacing_mm[1], spacing_mm[2]), appearance.noise, random)
    # Between slices, interpolation takes noise away: its strength is meant on the grid that is looked at.
    kept = float(np.sqrt((stack.spread**2).sum(axis=1).mean()))
    scanned += np.float32(appearance.noise_hu / kept) * noise
    result = along_z(stack.spread, scanned)
    angle, place = random.uniform(0, 2 * np.pi), random.uniform(0.15, 0.45)
    if appearance.is_cut:
        y, x = np.mgrid[0:height, 0:width]
        beyond = np.cos(angle) * (y / height - 0.5) + np.sin(angle) * (x / width - 0.5) > place
        result[:, beyond] = _NOTHING_HU
    return result
