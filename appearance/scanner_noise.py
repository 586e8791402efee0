"""Noise of a CT's slices, of any grain: smooth, white, as of filtered back-projection, or in streaks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft


@dataclass(frozen=True)
class NoiseShape:
    """Spectrum of the noise in a slice.

    Attributes:
        grain_mm: the power falls with the frequency f as exp(-(2 pi grain f)^2): white noise smoothed by a Gaussian of
            that standard deviation has it.
        ramp: whether the power also rises with f, as after the ramp filter.
        streaks: how much stronger than elsewhere waves of one direction are, 0 or more.
        angle: of that direction, in radians.
    """

    grain_mm: float
    ramp: bool = False
    streaks: float = 0.0
    angle: float = 0.0


_STREAK_WIDTH = 0.35
"""Of the band of directions that is stronger, in radians."""


def slice_noise(
    size: tuple[int, int, int], spacing_mm: tuple[float, float], shape: NoiseShape, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Gaussian noise of mean 0 and variance 1, slices independent of one another.

    Args:
        size: slices and their voxels.
        spacing_mm: of these voxels.
        shape: its spectrum; frequencies that the grid cannot hold are missing.
        rng: source.
    """
    white = rng.standard_normal(size, np.float32)
    if not (shape.grain_mm or shape.ramp or shape.streaks):
        return white
    down = fft.fftfreq(size[1], spacing_mm[0]).astype(np.float32)[:, None]
    along = fft.rfftfreq(size[2], spacing_mm[1]).astype(np.float32)[None, :]
    square = down * down + along * along
    power = np.exp(-((2 * np.pi * shape.grain_mm) ** 2) * square)
    if shape.ramp:
        # Reconstruction never removes the lowest frequencies altogether.
        power = power * (np.sqrt(square) + 0.03)
    if shape.streaks:
        away = np.arctan2(down, along) - shape.angle
        away = np.abs((away + np.pi / 2) % np.pi - np.pi / 2)
        power = power * (1 + shape.streaks * np.exp(-0.5 * (away / _STREAK_WIDTH) ** 2)) ** 2
    # One half of the spectrum stands for both, its first and last column aside: the variance is known beforehand.
    twice = np.full(along.shape, 2.0, np.float32)
    twice[:, 0] = 1
    if size[2] % 2 == 0:
        twice[:, -1] = 1
    variance = float((twice * power).sum()) / (size[1] * size[2])
    spectrum = fft.rfft2(white, axes=(1, 2)) * np.sqrt(power / variance)
    noise: NDArray[np.float32] = np.asarray(fft.irfft2(spectrum, size[1:], axes=(1, 2)), np.float32)
    return noise
