"""From a raw case to a training case: crop, resampling, intensities, scales, quality figures."""

from typing import TYPE_CHECKING

from ramify.public_names import loaded_when_asked_for

if TYPE_CHECKING:
    from ramify.preprocessing.grid import Grid, plan_grid
    from ramify.preprocessing.intensity import IntensitySettings, normalise
    from ramify.preprocessing.interpolation import resample
    from ramify.preprocessing.noise import Noise, estimate_noise
    from ramify.preprocessing.prepare import PreparedImage, prepare_case, prepare_image
    from ramify.preprocessing.settings import GridSettings, PreprocessingSettings
else:
    __getattr__, __dir__ = loaded_when_asked_for(__name__)

__all__ = [
    "Grid",
    "GridSettings",
    "IntensitySettings",
    "Noise",
    "PreparedImage",
    "PreprocessingSettings",
    "estimate_noise",
    "normalise",
    "plan_grid",
    "prepare_case",
    "prepare_image",
    "resample",
]
