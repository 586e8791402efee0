"""Within which bounds the appearance of a CT is drawn."""

from pydantic import BaseModel, Field

from ramify.bounds import Bounds, NonNegativeBounds, PositiveBounds


class AppearanceSettings(BaseModel, frozen=True, extra="forbid"):
    """Bounds in HU and mm, between which each sample draws its own; two equal numbers fix it."""

    liver_hu: Bounds = (50.0, 140.0)
    """The liver without its vessels; a fatty one is dark."""
    portal_contrast_hu: PositiveBounds = (15.0, 130.0)
    """Portal vein over the liver, drawn log-uniformly."""
    hepatic_to_portal: PositiveBounds = (0.4, 1.3)
    """Contrast of the hepatic veins as a multiple of it: they fill later."""
    contrast_drift: float = Field(0.15, ge=0, le=1)
    """Relative standard deviation of the contrast over places some centimetres apart."""
    lesion_contrast_hu: Bounds = (-90.0, 90.0)
    """Tumours and cysts over the liver."""
    dense_lesions: float = Field(0.15, ge=0, le=1)
    """Share of lesions that are as dense as bone: calcified, or treated."""
    uneven_lesions: float = Field(0.5, ge=0, le=1)
    """Share of lesions that have a second density in patches, such as calcifications or what a treatment left."""
    patch_mm: PositiveBounds = (1.5, 8.0)
    """Correlation length of these patches."""
    lesion_rims: float = Field(0.4, ge=0, le=1)
    """Share of lesions with a rim that enhances."""
    rim_mm: PositiveBounds = (0.8, 5.0)
    """Its thickness, which changes along the surface."""
    rim_to_portal: PositiveBounds = (0.15, 1.3)
    """Its contrast over the liver as a multiple of the portal vein's."""
    capsules: float = Field(0.5, ge=0, le=1)
    """Share of samples in which what touches the liver from outside is of another density than what follows."""
    capsule_mm: PositiveBounds = (0.5, 3.0)
    """How thick that is."""
    capsule_contrast_hu: Bounds = (-80.0, 120.0)
    """Its density over the liver's: fat, muscle of the diaphragm, vessels between the ribs, an enhancing capsule."""
    texture_hu: NonNegativeBounds = (0.0, 6.0)
    """Standard deviation of the liver's fine texture, which drifts from place to place."""
    texture_mm: PositiveBounds = (2.0, 8.0)
    """Its correlation length."""
    perfusion_hu: NonNegativeBounds = (0.0, 14.0)
    """Standard deviation of slow changes: uneven fat, perfusion, beam hardening."""
    perfusion_mm: PositiveBounds = (20.0, 60.0)
    """Their correlation length."""
    slice_drift_hu: NonNegativeBounds = (0.0, 10.0)
    """Standard deviation of what changes from slice to slice, the same all over a slice: contrast that still arrives,
    breath, the heart's beat, the tube's current. 18 HU within 8 mm were seen in a liver."""
    slice_drift_mm: PositiveBounds = (2.0, 20.0)
    """Its correlation length along z, drawn log-uniformly."""
    blur_mm: PositiveBounds = (0.3, 1.0)
    """Standard deviation of the scanner's point spread in a slice."""
    sharpening: NonNegativeBounds = (0.0, 0.8)
    """How much of what the blur took an edge-enhancing kernel gives back, overshoot included."""
    slice_mm: PositiveBounds = (0.7, 5.0)
    """Thickness and distance of slices, drawn log-uniformly."""
    noise_hu: NonNegativeBounds = (3.0, 30.0)
    """Standard deviation of the noise on the training's grid, drawn log-uniformly."""
    noise_grain_mm: NonNegativeBounds = (0.0, 1.5)
    """Correlation length of the noise in a slice; 0 is white on the grid."""
    least_contrast_to_noise: float = Field(2.0, ge=0)
    """Contrast of the portal vein over the noise; stronger noise is weakened to it, for nobody could see a vessel."""
    ramp: float = Field(0.5, ge=0, le=1)
    """Share of samples whose noise lacks low frequencies, as filtered back-projection has it; others' is smoothed."""
    streaks: NonNegativeBounds = (0.0, 1.5)
    """How much stronger the noise is along one direction in the slice."""
    cut_probability: float = Field(0.1, ge=0, le=1)
    """Share of samples that reach over the scanner's field of view, where there is nothing."""


class PaintingSettings(AppearanceSettings, frozen=True, extra="forbid"):
    """Whether a training paints its images, and the bounds of their appearance."""

    paint: bool = False
    """Paint the image of each training sample anew, of cases that synthesise.py made; otherwise theirs are taken."""
