"""Intensities brought to a common range before a network sees them."""

from typing import Literal

import numpy as np
from pydantic import BaseModel, Field, FiniteFloat, model_validator


class IntensitySettings(BaseModel, frozen=True, extra="forbid"):
    """How grey values are scaled."""

    method: Literal["window", "percentile", "z_score"] = "window"
    """window: fixed bounds (CT, in HU); percentile: bounds from the image itself; z_score: mean 0, deviation 1."""
    window: tuple[FiniteFloat, FiniteFloat] = (-150.0, 250.0)
    """Lower and upper bound of the window, in HU for CT; values outside are clipped. The default is the liver window
    (level 50, width 400), which keeps contrast-filled vessels below its upper end."""
    percentiles: tuple[float, float] = (0.5, 99.5)
    """Lower and upper percentile, in 0..100; values outside are clipped."""
    output_range: Literal["zero_one", "minus_one_one"] = "zero_one"
    """What the bounds of window or percentile become."""
    inside_organ: bool = Field(default=True)
    """Take percentiles, mean and deviation inside the organ where there is an organ mask."""

    @model_validator(mode="after")
    def _check_bounds(self) -> "IntensitySettings":
        if not self.window[0] < self.window[1]:
            raise ValueError(f"window must rise from its lower to its upper bound, got {self.window}")
        if not 0 <= self.percentiles[0] < self.percentiles[1] <= 100:
            raise ValueError(f"percentiles must rise within 0..100, got {self.percentiles}")
        return self


def normalise(
    array: np.ndarray, settings: IntensitySettings, organ: np.ndarray | None = None, name: str = "image"
) -> np.ndarray:
    """Scaled intensities of an image, float32 (*S).

    Args:
        array: grey values (*S).
        settings: the scaling.
        organ: organ mask, bool (*S); percentiles, mean and deviation are taken inside it when it is given.
        name: what the image is called in errors.

    Raises:
        ValueError: the image is empty, holds NaN or infinity, or is constant (everywhere, or after clipping).

    Examples:
        >>> import numpy as np
        >>> from ramify.preprocessing import IntensitySettings, normalise
        >>> hu = np.array([[-150.0, 50.0, 250.0, 1000.0]])
        >>> normalise(hu, IntensitySettings(window=(-150.0, 250.0))).tolist()
        [[0.0, 0.5, 1.0, 1.0]]
    """
    check_intensities(array, name)
    values = np.asarray(array, dtype=np.float32)
    inside = values[organ] if organ is not None and organ.any() and settings.inside_organ else values
    if settings.method == "z_score":
        mean, deviation = inside.mean(dtype=np.float64), inside.std(dtype=np.float64)
        if deviation == 0:
            raise ValueError(f"{name}: constant inside the organ ({mean:g}), so it cannot be scaled; check the file")
        standardised: np.ndarray = ((values - mean) / deviation).astype(np.float32)
        return standardised
    lower, upper = settings.window if settings.method == "window" else _percentiles(inside, settings, name)
    scaled: np.ndarray = np.clip((values - np.float32(lower)) / np.float32(upper - lower), 0, 1)
    if scaled.min() == scaled.max():
        raise ValueError(
            f"{name}: its values {values.min():g} to {values.max():g} all lie outside the window {lower:g} to "
            f"{upper:g}; bring the image to these values, or prepare and train with another "
            "--preprocessing.intensity.window or --preprocessing.intensity.method"
        )
    return scaled if settings.output_range == "zero_one" else 2 * scaled - 1


def check_intensities(array: np.ndarray, name: str) -> None:
    """Refuse an image no network can learn from.

    Raises:
        ValueError: no voxels, NaN or infinity, or one value everywhere; the line names the image and the first place.
    """
    if array.size == 0:
        raise ValueError(f"{name}: no voxels (shape {array.shape}); check the file")
    bad = ~np.isfinite(array)
    if bad.any():
        place = tuple(int(index) for index in np.unravel_index(np.argmax(bad), array.shape))
        raise ValueError(
            f"{name}: {np.count_nonzero(bad)} voxels are NaN or infinite, the first at {place}; repair the image"
        )
    if array.min() == array.max():
        raise ValueError(f"{name}: constant, every voxel is {array.flat[0]:g}; expected an image, check the file")


def _percentiles(values: np.ndarray, settings: IntensitySettings, name: str) -> tuple[float, float]:
    lower, upper = np.percentile(values, settings.percentiles)
    if not lower < upper:
        raise ValueError(
            f"{name}: percentiles {settings.percentiles[0]:g} and {settings.percentiles[1]:g} are both {lower:g}; "
            "prepare and train with --preprocessing.intensity.percentiles further apart"
        )
    return float(lower), float(upper)
