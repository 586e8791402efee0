"""Intensities brought to a common range before a network sees them, each channel by its own rule."""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, Field, FiniteFloat, model_validator

from ramify.data.large_arrays import extremes, slabs, zeros
from ramify.essential import Essential

Numbers = tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]
_SUMMED = 1 << 26
"""Numbers whose squares are summed at once."""


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
    array: np.ndarray,
    settings: IntensitySettings,
    organ: np.ndarray | None = None,
    name: str = "image",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Scaled intensities of an image, float32 (*S).

    Args:
        array: grey values (*S).
        settings: the scaling.
        organ: organ mask, bool (*S); percentiles, mean and deviation are taken inside it when it is given.
        name: what the image is called in errors.
        out: where they go, float32 (*S); otherwise a new array, in a file where it is large (`data.large_arrays`).

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
    inside = array[organ] if organ is not None and organ.any() and settings.inside_organ else array
    scaling = _scaling(inside, settings, name)
    scaled = zeros(array.shape, np.float32) if out is None else out
    bounds = []
    for rows in slabs(scaled, array):
        clipped = scaling.clip(np.asarray(array[rows], dtype=np.float32))
        bounds += [clipped.min(), clipped.max()]
        scaled[rows] = scaling.scale(clipped)
    if scaling.window and min(bounds) == max(bounds):
        low, high = extremes(array)
        raise ValueError(
            f"{name}: its values {low:g} to {high:g} all lie outside {scaling.window}; bring the image to these "
            f"values, or {scaling.remedy}"
        )
    return scaled


class _Scaling(NamedTuple):
    """How the grey values of an image are scaled, once what there is to know of all of them is known.

    clip, scale: one after the other, of float32 (*S). window: in words, the bounds between which values differ; empty
    without any. remedy: for an image that has none there.
    """

    clip: Callable[[np.ndarray], np.ndarray]
    scale: Callable[[np.ndarray], np.ndarray]
    window: str = ""
    remedy: str = ""


def _scaling(inside: np.ndarray, settings: IntensitySettings, name: str) -> _Scaling:
    """The scaling by settings and by the values that are looked at."""
    if settings.method == "none":
        return _Scaling(np.asarray, np.asarray)
    if settings.method == "foreground":
        return _by_foreground(settings.foreground, name)
    if settings.method == "z_score":
        mean, deviation = _mean_and_deviation(np.asarray(inside, dtype=np.float32))
        if deviation == 0:
            raise ValueError(f"{name}: constant inside the organ ({mean:g}), so it cannot be scaled; check the file")
        return _Scaling(np.asarray, lambda values: (values - mean) / deviation)
    lower, upper = settings.window
    if settings.method == "percentile":
        lower, upper = _percentiles(np.asarray(inside, dtype=np.float32), settings, name)
    return _Scaling(
        lambda values: np.clip((values - np.float32(lower)) / np.float32(upper - lower), 0, 1),
        np.asarray if settings.output_range == "zero_one" else lambda values: 2 * values - 1,
        f"the window {lower:g} to {upper:g}",
        "prepare and train with another --preprocessing.intensity.window or --preprocessing.intensity.method",
    )


def check_intensities(array: np.ndarray, name: str) -> None:
    """Refuse an image no network can learn from.

    Raises:
        ValueError: no voxels, NaN or infinity, or one value everywhere; the line names the image and the first place.
    """
    if array.size == 0:
        raise ValueError(f"{name}: no voxels (shape {array.shape}); check the file")
    if array.dtype.kind == "f":
        _check_finite(array, name)
    low, high = extremes(array)
    if low == high:
        raise ValueError(f"{name}: constant, every voxel is {low:g}; expected an image, check the file")


def _check_finite(array: np.ndarray, name: str) -> None:
    count, first = 0, tuple[int, ...]()
    for rows in slabs(array):
        bad = ~np.isfinite(array[rows])
        if bad.any() and not count:
            in_slab, *others = np.unravel_index(np.argmax(bad), bad.shape)
            first = (rows.start + int(in_slab), *map(int, others))
        count += int(np.count_nonzero(bad))
    if count:
        raise ValueError(f"{name}: {count} voxels are NaN or infinite, the first at {first}; repair the image")


def _by_foreground(numbers: Numbers | None, name: str) -> _Scaling:
    """As nnU-Net scales a CT: clipped to the bounds, then less the mean and over the deviation."""
    if numbers is None:
        raise ValueError(
            f"{name}: the method foreground has no numbers; preprocess.py takes them from the vessels of all cases, or "
            "give them as intensity.foreground: [lower, upper, mean, deviation]"
        )
    lower, upper, mean, deviation = numbers
    return _Scaling(
        lambda values: values.clip(lower, upper),
        lambda values: (values - mean) / deviation,
        f"the vessels' {lower:g} to {upper:g}",
        "choose another --preprocessing.intensity.method",
    )


def _mean_and_deviation(values: np.ndarray) -> tuple[np.float64, np.float64]:
    """Of float32 values, in double precision."""
    mean = values.mean(dtype=np.float64)
    flat = values.reshape(-1)
    # In parts, as the squares of a large volume's deviations take four times its memory; usual ones are one part.
    parts = [flat[start : start + _SUMMED] for start in range(0, flat.size, _SUMMED)]
    return mean, np.sqrt(sum(np.square(part - mean).sum() for part in parts) / flat.size)


def _percentiles(values: np.ndarray, settings: IntensitySettings, name: str) -> tuple[float, float]:
    lower, upper = np.percentile(values, settings.percentiles)
    if not lower < upper:
        raise ValueError(
            f"{name}: percentiles {settings.percentiles[0]:g} and {settings.percentiles[1]:g} are both {lower:g}; "
            "prepare and train with --preprocessing.intensity.percentiles further apart"
        )
    return float(lower), float(upper)
