"""Filters answer tubes, and are tuned to find them."""

import numpy as np
import pytest

from benchmarks.vesselness import FILTERS, Labelled, jerman_vesselness, tune, vessels_by


def tube(seed: int = 0, noise: float = 4.0) -> Labelled:
    """A bright bar of 2 mm of radius in a dim organ, and a bright slab."""
    z, y, _ = np.mgrid[0:24, 0:32, 0:32]
    vessels = (y - 12) ** 2 + (z - 12) ** 2 <= 4
    organ = np.ones(vessels.shape, bool)
    organ[:, 29:] = False
    image = np.random.default_rng(seed).normal(100, noise, vessels.shape) + 70.0 * vessels
    image[:, 23:25] += 30
    image[~organ] = -80
    return Labelled(image.astype(np.float32), organ, vessels & organ, 1.0)


@pytest.mark.parametrize("name", FILTERS)
def test_a_tuned_filter_finds_another_images_tube(name):
    tuned = tune(name, [tube(1), tube(2)])
    found, case = vessels_by(name, tuned, tube(3)), tube(3)
    dice = 2 * (found & case.vessels).sum() / (found.sum() + case.vessels.sum())
    assert dice > 0.7, (name, tuned)
    assert tuned.dice > 0.7
    assert not found[~case.organ].any()


def test_jermans_response_is_one_in_a_tube_and_none_in_a_plain():
    case = tube(noise=0.0)
    for answer in jerman_vesselness(case):
        assert answer.values[12, 12, 5:27] == pytest.approx(1, abs=1e-3), answer.setting
        assert np.abs(answer.values[3:6, 3:6]).max() < 1e-3, answer.setting
        assert answer.values.min() >= 0
        assert answer.values.max() <= 1 + 1e-6
