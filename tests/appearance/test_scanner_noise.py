"""Noise has the strength, grain and direction that were asked for."""

import numpy as np
import pytest

from ramify.appearance.scanner_noise import NoiseShape, slice_noise


def noise_of(shape: NoiseShape, spacing: tuple[float, float] = (0.8, 0.8)) -> np.ndarray:
    return slice_noise((40, 64, 60), spacing, shape, np.random.default_rng(0))


def correlation(noise: np.ndarray, lag: int, axis: int) -> float:
    one, other = (np.roll(noise, -shift, axis) for shift in (0, lag))
    return float((one * other).mean() / (noise**2).mean())


@pytest.mark.parametrize("grain", [0.0, 0.5, 1.0, 1.5])
@pytest.mark.parametrize("ramp", [False, True])
@pytest.mark.parametrize("streaks", [0.0, 1.5])
def test_the_variance_is_one(grain, ramp, streaks):
    noise = noise_of(NoiseShape(grain, ramp, streaks, 0.7))
    assert noise.std() == pytest.approx(1, abs=0.05)
    assert noise.dtype == np.float32


@pytest.mark.parametrize("grain", [0.8, 1.2])
def test_smooth_noise_is_correlated_as_a_gaussian_has_it(grain):
    noise = noise_of(NoiseShape(grain))
    for lag in (1, 2, 3):
        expected = np.exp(-((lag * 0.8 / (2 * grain)) ** 2))
        for axis in (1, 2):
            assert correlation(noise, lag, axis) == pytest.approx(expected, abs=0.05)
    # Slices are independent.
    assert correlation(noise, 1, 0) == pytest.approx(0, abs=0.05)


def test_the_ramp_takes_low_frequencies():
    plain, filtered = (noise_of(NoiseShape(0.6, ramp)) for ramp in (False, True))
    assert filtered.mean(axis=(1, 2)).std() < 0.5 * plain.mean(axis=(1, 2)).std()


def test_streaks_run_across_the_waves_that_are_stronger():
    # Waves whose frequency lies along the second axis make stripes along the first.
    noise = noise_of(NoiseShape(0.8, streaks=3.0, angle=0.0))
    assert correlation(noise, 3, 1) > correlation(noise, 3, 2) + 0.1
