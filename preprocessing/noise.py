"""The noise of an image, its strength and its grain, and how much smoothing brings it down to a given strength.

Differences of voxels some way h apart grow with h until nothing connects the two any more. For white noise smoothed by
a Gaussian of standard deviation s, half their variance is D(h) = strength^2 (1 - exp(-h^2 / 4 s^2)): s and the strength
are fitted to it, along each axis. Vessels and edges are few among the differences, and are left out as outliers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_REACH_MM = 8.0
_MOST_LAGS = 10
_LEAST_PAIRS = 500
# Differences beyond so many standard deviations are anatomy; what is left of a Gaussian's variance without them.
_CLIP = 2.5
_KEPT = 1 - 2 * _CLIP * math.exp(-(_CLIP**2) / 2) / math.sqrt(2 * math.pi) / math.erf(_CLIP / math.sqrt(2))
_GRAINS_MM = np.concatenate([[1e-3], np.geomspace(0.05, 4.0, 120)])
_MARGIN_MM = 3.0
_TRUNCATE = 4.0


@dataclass(frozen=True)
class Noise:
    """What an image's noise is like.

    Attributes:
        strength: standard deviation, in the image's units.
        grain_mm: along each axis, the standard deviation of the Gaussian that would make such noise of white one;
            nearly 0 for white noise.

    Examples:
        >>> import numpy as np
        >>> from scipy.ndimage import gaussian_filter
        >>> from ramify.preprocessing import Noise, estimate_noise
        >>> image = gaussian_filter(np.random.default_rng(0).normal(100, 60, (40, 60, 60)), 0.8)
        >>> noise = estimate_noise(image, np.ones(image.shape, bool), (1.0, 1.0, 1.0))
        >>> isinstance(noise, Noise), [round(grain, 1) for grain in noise.grain_mm]
        (True, [0.8, 0.8, 0.8])
    """

    strength: float
    grain_mm: tuple[float, ...]


def estimate_noise(image: NDArray[np.floating], inside: NDArray[np.bool_], spacing_mm: Sequence[float]) -> Noise | None:
    """The noise where there is one tissue for the most part.

    Args:
        image: (*S).
        inside: bool (*S), the organ; its outermost `_MARGIN_MM` are left out, if something is left then.
        spacing_mm: voxel size.

    Returns:
        None where too few voxels are inside.

    Examples:
        >>> import numpy as np
        >>> from ramify.preprocessing import estimate_noise
        >>> image = np.random.default_rng(0).normal(100, 12, (40, 60, 60))
        >>> round(estimate_noise(image, np.ones(image.shape, bool), (1.0, 1.0, 1.0)).strength)
        12
    """
    inside = _without_margin(inside, spacing_mm)
    fits = [_fit(*curve) for axis in range(image.ndim) if len((curve := _curve(image, inside, spacing_mm, axis))[0])]
    if len(fits) < image.ndim:
        return None
    variance = float(np.mean([fit[0] for fit in fits]))
    return Noise(math.sqrt(variance), tuple(fit[1] for fit in fits))


def smoothed_strength(noise: Noise, spacing_mm: Sequence[float], sigma_mm: float) -> float:
    """Strength of the noise after a Gaussian of standard deviation `sigma_mm` along each axis."""
    kept = 1.0
    for grain, step in zip(noise.grain_mm, spacing_mm, strict=True):
        weights = _kernel(sigma_mm / step)
        apart = np.subtract.outer(np.arange(len(weights)), np.arange(len(weights))) * step
        kept *= float(weights @ np.exp(-((apart / (2 * grain)) ** 2)) @ weights)
    return noise.strength * math.sqrt(kept)


def _kernel(sigma: float) -> NDArray[np.float64]:
    """Weights of `ndimage.gaussian_filter` along an axis; sigma in voxels."""
    reach = int(_TRUNCATE * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 1e-12)) ** 2)
    normalised: NDArray[np.float64] = weights / weights.sum()
    return normalised


def sigma_for(noise: Noise, spacing_mm: Sequence[float], strength: float) -> float:
    """Standard deviation in mm of the Gaussian that brings the noise down to a strength; 0 where it is no stronger.

    Raises ValueError for a strength that is not positive.
    """
    if strength <= 0:
        raise ValueError(f"strength: expected a positive number, got {strength}")
    low, high = 0.0, 1.0
    if noise.strength <= strength:
        return 0.0
    while smoothed_strength(noise, spacing_mm, high) > strength:
        high *= 2
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if smoothed_strength(noise, spacing_mm, middle) > strength else (low, middle)
    return high


def smoothed(image: NDArray[np.generic], spacing_mm: Sequence[float], sigma_mm: float) -> NDArray[np.float32]:
    """An image (*S) smoothed by a Gaussian whose standard deviation is given in mm, as float32."""
    sigmas = [sigma_mm / step for step in spacing_mm]
    result: NDArray[np.float32] = ndimage.gaussian_filter(
        np.asarray(image, np.float32), sigmas, mode="nearest", truncate=_TRUNCATE
    )
    return result


def _without_margin(inside: NDArray[np.bool_], spacing_mm: Sequence[float]) -> NDArray[np.bool_]:
    padded = np.pad(inside, 1)
    depth = ndimage.distance_transform_edt(padded, sampling=spacing_mm)[(slice(1, -1),) * inside.ndim]
    core: NDArray[np.bool_] = depth > _MARGIN_MM
    return core if np.count_nonzero(core) >= _LEAST_PAIRS else inside


def _curve(
    image: NDArray[np.floating], inside: NDArray[np.bool_], spacing_mm: Sequence[float], axis: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ways h along an axis, and half the variance of differences over them."""
    step = spacing_mm[axis]
    most = max(1, min(int(_REACH_MM / step), image.shape[axis] - 1))
    values, mask = np.moveaxis(image, axis, 0), np.moveaxis(inside, axis, 0)
    lags, found = [], []
    for lag in sorted({round(number) for number in np.linspace(1, most, min(most, _MOST_LAGS))}):
        both = mask[lag:] & mask[:-lag]
        differences = (values[lag:][both] - values[:-lag][both]).astype(np.float64)
        if len(differences) >= _LEAST_PAIRS:
            lags.append(lag * step)
            found.append(0.5 * _robust_variance(differences))
    return np.array(lags), np.array(found)


def _robust_variance(differences: NDArray[np.float64]) -> float:
    """Variance of what is Gaussian among the differences."""
    # The median of absolute differences is a start that outliers do not move.
    variance = (1.4826 * float(np.median(np.abs(differences)))) ** 2
    for _ in range(8):
        kept = differences[np.abs(differences) <= _CLIP * math.sqrt(variance) + 1e-12]
        variance = float(np.mean(kept**2)) / _KEPT
    return variance


def _fit(lags_mm: NDArray[np.float64], halves: NDArray[np.float64]) -> tuple[float, float]:
    """Variance and grain whose curve lies nearest to the differences, by least squares."""
    shapes = 1 - np.exp(-((lags_mm[None, :] / (2 * _GRAINS_MM[:, None])) ** 2))
    variances = (shapes @ halves) / (shapes**2).sum(axis=1)
    errors = ((halves - variances[:, None] * shapes) ** 2).sum(axis=1)
    best = int(np.argmin(errors))
    return float(variances[best]), float(_GRAINS_MM[best])
