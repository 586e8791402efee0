"""Intensities brought to a common range before a network sees them, each channel by its own rule."""

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
from pydantic import BaseModel, Field, FiniteFloat, model_validator

from ramify.essential import Essential

Numbers = tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]


class IntensitySettings(BaseModel, frozen=True, extra="forbid"):
    """How grey values are scaled."""

    method: Essential[Literal["window", "percentile", "z_score", "foreground", "none"]] = "window"
    """window: fixed bounds (CT, in HU); percentile: bounds from the image itself; z_score: mean 0, deviation 1;
    foreground: bounds, mean and deviation of the vessels of all cases, as nnU-Net has it for CT; none: as they are."""
    window: Essential[tuple[FiniteFloat, FiniteFloat]] = (-150.0, 250.0)
    """Lower and upper bound of the window, in HU for CT; values outside are clipped. The default is the liver window
    (level 50, width 400), which keeps contrast-filled vessels below its upper end."""
    percentiles: tuple[float, float] = (0.5, 99.5)
    """Lower and upper percentile, in 0..100; values outside are clipped."""
    output_range: Literal["zero_one", "minus_one_one"] = "zero_one"
    """What the bounds of window or percentile become."""
    foreground: Numbers | None = None
    """Lower and upper bound, mean and deviation that `foreground` scales by; none: preprocess.py takes them from the
    vessels of all cases, and they stand in the store's settings."""
    inside_organ: bool = Field(default=True)
    """Take percentiles, mean and deviation inside the organ where there is an organ mask."""

    @model_validator(mode="after")
    def _check_bounds(self) -> "IntensitySettings":
        if not self.window[0] < self.window[1]:
            raise ValueError(f"window must rise from its lower to its upper bound, got {self.window}")
        if not 0 <= self.percentiles[0] < self.percentiles[1] <= 100:
            raise ValueError(f"percentiles must rise within 0..100, got {self.percentiles}")
        if self.foreground and not (self.foreground[0] < self.foreground[1] and self.foreground[3] > 0):
            raise ValueError(
                f"foreground: expected two bounds that rise, a mean and a deviation above 0, got {self.foreground}"
            )
        return self

    @property
    def lacks_numbers(self) -> bool:
        """Whether it scales by the vessels of all cases, and these have not been looked at."""
        return self.method == "foreground" and self.foreground is None


def rules_of(
    names: Iterable[str], general: IntensitySettings, own: Mapping[str, IntensitySettings]
) -> dict[str, IntensitySettings]:
    """How each channel of an image is scaled: by a rule of its own, or by the general one.

    Raises ValueError for a rule of a channel that the image has not.
    """
    rules = {name: own.get(name, general) for name in names}
    if unknown := [name for name in own if name not in rules]:
        raise ValueError(f"preprocessing.channels: no channel {unknown[0]!r}; the image has {', '.join(rules)}")
    return rules


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
        ValueError: the image is empty, holds NaN or infinity, or is constant (everywhere, or after clipping); or the
            method is foreground, and there are no numbers of it.

    Examples:
        >>> import numpy as np
        >>> from ramify.preprocessing import IntensitySettings, normalise
        >>> hu = np.array([[-150.0, 50.0, 250.0, 1000.0]])
        >>> normalise(hu, IntensitySettings(window=(-150.0, 250.0))).tolist()
        [[0.0, 0.5, 1.0, 1.0]]
    """
    check_intensities(array, name)
    values = np.asarray(array, dtype=np.float32)
    if settings.method == "none":
        return values.copy()
    if settings.method == "foreground":
        return _by_foreground(values, settings.foreground, name)
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


def _by_foreground(values: np.ndarray, numbers: Numbers | None, name: str) -> np.ndarray:
    """As nnU-Net scales a CT: clipped to the bounds, then less the mean and over the deviation."""
    if numbers is None:
        raise ValueError(
            f"{name}: the method foreground has no numbers; preprocess.py takes them from the vessels of all cases, or "
            "give them as intensity.foreground: [lower, upper, mean, deviation]"
        )
    lower, upper, mean, deviation = numbers
    clipped = values.clip(lower, upper)
    if clipped.min() == clipped.max():
        raise ValueError(
            f"{name}: its values {values.min():g} to {values.max():g} all lie outside the vessels' {lower:g} to "
            f"{upper:g}; bring the image to these values, or choose another --preprocessing.intensity.method"
        )
    return np.asarray((clipped - mean) / deviation, dtype=np.float32)


def _percentiles(values: np.ndarray, settings: IntensitySettings, name: str) -> tuple[float, float]:
    lower, upper = np.percentile(values, settings.percentiles)
    if not lower < upper:
        raise ValueError(
            f"{name}: percentiles {settings.percentiles[0]:g} and {settings.percentiles[1]:g} are both {lower:g}; "
            "prepare and train with --preprocessing.intensity.percentiles further apart"
        )
    return float(lower), float(upper)
