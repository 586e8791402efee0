"""An appearance in which nothing is left to chance but what lies around the liver."""

from ramify.appearance.settings import AppearanceSettings

PLAIN = AppearanceSettings(
    liver_hu=(100, 100),
    portal_contrast_hu=(60, 60),
    hepatic_to_portal=(0.5, 0.5),
    contrast_drift=0,
    uneven_lesions=0,
    lesion_rims=0,
    capsules=0,
    texture_hu=(0, 0),
    perfusion_hu=(0, 0),
    slice_drift_hu=(0, 0),
    blur_mm=(0.01, 0.01),
    sharpening=(0, 0),
    slice_mm=(0.7, 0.7),
    noise_hu=(0, 0),
    least_contrast_to_noise=0,
    cut_probability=0,
)
