"""Random fields in millimetres: sums of plane waves that are the same on any grid, and noise that belongs to a grid."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ramify.compilation import compiled


def draw_waves(count: int, correlation_mm: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Plane waves whose sum is a field of mean 0 and variance 1, correlated as exp(-r^2 / 2 correlation_mm^2).

    Random Fourier features of a Gaussian covariance (Rahimi and Recht 2007).

    Args:
        count: how many.
        correlation_mm: positive.
        rng: source.

    Returns:
        (count, 5): wave vector (z, y, x) in radians per mm, phase, height.
    """
    vectors = rng.standard_normal((count, 3)) / correlation_mm
    phases = rng.uniform(0, 2 * np.pi, (count, 1))
    return np.concatenate([vectors, phases, np.full((count, 1), np.sqrt(2 / count))], axis=1)


def plane_waves(
    waves: NDArray[np.float64],
    size: Sequence[int],
    spacing_mm: Sequence[float],
    corner_mm: Sequence[float] | None = None,
) -> NDArray[np.float32]:
    """Sum of plane waves at the voxel centres of a grid.

    Args:
        waves: (K, 5) as `draw_waves` gives them; a plane ignores the first component of the wave vector.
        size: voxels along each axis, 2 or 3.
        spacing_mm: voxel size.
        corner_mm: outer corner of the grid; the volume's by default.

    Returns:
        (*size) float32.
    """
    ndim = len(size)
    corner = np.zeros(ndim) if corner_mm is None else np.asarray(corner_mm, np.float64)
    factors = []
    for axis in range(3):
        own = axis - (3 - ndim)
        centres = np.zeros(1) if own < 0 else corner[own] + (np.arange(size[own]) + 0.5) * spacing_mm[own]
        factors.append(np.exp(1j * waves[:, axis, None] * centres))
    factors[0] = factors[0] * (waves[:, 4] * np.exp(1j * waves[:, 3]))[:, None]
    field: NDArray[np.float32] = _sum_of_products(*factors).reshape(tuple(size))
    return field


@compiled()
def _sum_of_products(along_z, along_y, along_x):  # type: ignore[no-untyped-def]
    """Real part of the sum over waves of the product of their factors; a wave on a grid is a product of its axes."""
    waves, depth, height, width = len(along_z), along_z.shape[1], along_y.shape[1], along_x.shape[1]
    result = np.zeros((depth, height, width), np.float32)
    real, imaginary = along_x.real.astype(np.float32), along_x.imag.astype(np.float32)
    for z in range(depth):
        for y in range(height):
            line = result[z, y]
            for wave in range(waves):
                factor = along_z[wave, z] * along_y[wave, y]
                a, b = np.float32(factor.real), np.float32(factor.imag)
                for x in range(width):
                    line[x] += a * real[wave, x] - b * imaginary[wave, x]
    return result


def ct_noise(
    size: Sequence[int], spacing_mm: Sequence[float], correlation_mm: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Gaussian noise of mean 0 and variance 1 with the spectrum of filtered back-projection.

    In a slice the power rises with the frequency f, as the ramp filter has it, and falls again as exp(-(c f)^2)
    (Riederer et al. 1978); across slices it only falls. c is 2 pi times the correlation length. Frequencies that the
    grid cannot hold are missing, so on a coarse grid the noise is nearly white.

    Args:
        size: voxels along each axis, 2 or 3; the last two are the slice.
        spacing_mm: voxel size.
        correlation_mm: positive.
        rng: source; the noise belongs to the grid.

    Returns:
        (*size) float32.
    """
    last = len(size) - 1
    frequencies = [
        (fft.rfftfreq if axis == last else fft.fftfreq)(n, step).astype(np.float32)
        for axis, (n, step) in enumerate(zip(size, spacing_mm, strict=True))
    ]
    *across, down, along = np.meshgrid(*frequencies, indexing="ij", sparse=True)
    in_slice = down**2 + along**2
    scale = np.float32((2 * np.pi * correlation_mm) ** 2)
    # Reconstruction never removes the lowest frequencies altogether.
    floor = np.float32(0.1) / np.sqrt(scale)
    power = (np.sqrt(in_slice) + floor) * np.exp(-scale * in_slice)
    for axis in across:
        power = power * np.exp(-scale * axis**2)
    white = fft.rfftn(rng.standard_normal(tuple(size), np.float32))
    noise = fft.irfftn(white * np.sqrt(power), tuple(size))
    normalised: NDArray[np.float32] = (noise / noise.std()).astype(np.float32)
    return normalised
