"""Noise of known strength and grain is found again, and smoothing leaves what was foretold."""

import numpy as np
import pytest
from scipy import ndimage

from ramify.preprocessing.noise import Noise, estimate_noise, sigma_for, smoothed, smoothed_strength

SHAPE = (44, 64, 64)
EVERYWHERE = np.ones(SHAPE, bool)


def noise_of(grain_mm: float, spacing_mm: tuple[float, ...], strength: float = 15.0, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(SHAPE)
    if grain_mm:
        noise = ndimage.gaussian_filter(noise, [grain_mm / step for step in spacing_mm], mode="wrap")
    return 100 + strength * noise / noise.std()


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.6, 0.74, 0.74), (3.0, 0.8, 0.8)])
@pytest.mark.parametrize("grain", [0.0, 0.7, 1.0, 1.5])
def test_strength_and_grain_are_found(spacing, grain):
    found = estimate_noise(noise_of(grain, spacing), EVERYWHERE, spacing)
    assert found is not None
    assert found.strength == pytest.approx(15, rel=0.04)
    for its, step in zip(found.grain_mm, spacing, strict=True):
        if grain > 0.8 * step:
            assert its == pytest.approx(grain, rel=0.1)
        elif grain == 0:
            assert its < 0.25 * step


def test_vessels_and_edges_change_little():
    image = noise_of(0.8, (1.0, 1.0, 1.0))
    image[:, 20:24, 20:24] += 80
    image[10:13, :, 40:43] += 80
    image[:, 50:, 50:] -= 60
    found = estimate_noise(image, EVERYWHERE, (1.0, 1.0, 1.0))
    assert found is not None
    assert found.strength == pytest.approx(15, rel=0.08)
    assert found.grain_mm == pytest.approx((0.8,) * 3, rel=0.12)


def test_only_what_is_inside_counts():
    image = noise_of(0.0, (1.0, 1.0, 1.0))
    inside = EVERYWHERE.copy()
    inside[:, :30] = False
    image[:, :30] *= 9
    found = estimate_noise(image, inside, (1.0, 1.0, 1.0))
    assert found is not None
    assert found.strength == pytest.approx(15, rel=0.04)


def test_an_image_of_whole_numbers_is_no_worse():
    found = estimate_noise(np.round(noise_of(0.6, (1.0, 1.0, 1.0), 4.0)), EVERYWHERE, (1.0, 1.0, 1.0))
    assert found is not None
    assert found.strength == pytest.approx(4, rel=0.05)


def test_too_small_a_place_says_nothing():
    inside = np.zeros(SHAPE, bool)
    inside[5:8, 5:8, 5:8] = True
    assert estimate_noise(noise_of(0.0, (1.0, 1.0, 1.0)), inside, (1.0, 1.0, 1.0)) is None


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (5.0, 0.8, 0.8)])
@pytest.mark.parametrize("grain", [0.0, 0.6, 1.2])
def test_smoothing_brings_it_to_the_strength_that_was_asked_for(spacing, grain):
    image = noise_of(grain, spacing)
    found = estimate_noise(image, EVERYWHERE, spacing)
    assert found is not None
    sigma = sigma_for(found, spacing, 7.0)
    assert smoothed_strength(found, spacing, sigma) == pytest.approx(7, rel=1e-3)
    assert smoothed(image, spacing, sigma).std() == pytest.approx(7, rel=0.08)


def test_weak_noise_is_left_alone():
    noise = Noise(6.0, (0.5, 0.5, 0.5))
    assert sigma_for(noise, (1.0, 1.0, 1.0), 7.0) == 0
    assert smoothed_strength(noise, (1.0, 1.0, 1.0), 0.0) == pytest.approx(6.0)
    with pytest.raises(ValueError, match="strength: expected a positive number"):
        sigma_for(noise, (1.0, 1.0, 1.0), 0.0)
