"""Painted CTs show what they are painted of."""

import numpy as np
import pytest

from ramify.appearance.appearance import draw_appearance, paint
from ramify.appearance.settings import AppearanceSettings
from ramify.phantoms.tissues import FIRST_LESION, Tissue
from tests.appearance.plain import PLAIN

SPACING = (1.0, 1.0, 1.0)


def painted(settings: AppearanceSettings, shares: np.ndarray, tissues: np.ndarray, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return paint(draw_appearance(settings, random), tissues, shares, SPACING, random)


def liver(size: tuple[int, int, int] = (8, 10, 12)) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((2, *size), np.float32), np.full(size, Tissue.LIVER, np.uint8)


def test_a_voxel_is_as_bright_as_what_fills_it():
    shares, tissues = liver()
    shares[0, 2, 3, 4], shares[1, 5, 5, 5], shares[0, 6, 6, 6] = 1, 1, 0.25
    tissues[:, :, :2] = Tissue.FAT
    image = painted(PLAIN, shares, tissues)
    # Noise of a strength of 0 is drawn as a thousandth of a HU.
    assert image[2, 3, 4] == pytest.approx(160, abs=0.1)
    assert image[5, 5, 5] == pytest.approx(130, abs=0.1)
    assert image[6, 6, 6] == pytest.approx(115, abs=0.1)
    assert image[0, 0, 8] == pytest.approx(100, abs=0.1)
    assert -131 < image[0, 0, 0] < -59


def test_noise_has_the_strength_on_the_grid_whatever_the_slices():
    shares, tissues = liver((48, 48, 48))
    for thickness in (0.7, 2.0, 4.5):
        settings = PLAIN.model_copy(update={"noise_hu": (9.0, 9.0), "slice_mm": (thickness, thickness)})
        deviation = np.mean([painted(settings, shares, tissues, seed).std() for seed in range(4)])
        assert deviation == pytest.approx(9, rel=0.06), thickness


def test_noise_never_drowns_the_vessels():
    settings = AppearanceSettings(noise_hu=(30, 30), portal_contrast_hu=(20, 20), least_contrast_to_noise=2.5)
    assert draw_appearance(settings, np.random.default_rng(0)).noise_hu == pytest.approx(8)


def test_thick_slices_blur_along_z_alone():
    shares, tissues = liver((16, 10, 10))
    shares[0, 7] = 1
    thin, thick = (
        painted(PLAIN.model_copy(update={"slice_mm": (one, one)}), shares, tissues)[:, 5, 5] for one in (0.7, 4.0)
    )
    assert thin.max() == pytest.approx(160, abs=0.1)
    # One voxel of four in a slice, or shared by two slices.
    assert thick.max() <= 115.1
    assert thick.sum() == pytest.approx(thin.sum(), rel=0.01)
    assert (thick > 101).sum() > 3


def test_beyond_the_field_of_view_there_is_nothing():
    shares, tissues = liver((4, 40, 40))
    image = painted(PLAIN.model_copy(update={"cut_probability": 1.0}), shares, tissues)
    beyond = image == -1000
    assert 0 < beyond.mean() < 0.5
    assert (beyond == beyond[0]).all()


def test_lesions_differ_from_one_another():
    shares, tissues = liver()
    tissues[:, :, :4], tissues[:, :, 4:8] = FIRST_LESION, FIRST_LESION + 1
    image = painted(PLAIN, shares, tissues)
    assert len({round(float(image[0, 0, x]), 1) for x in (0, 4, 8)}) == 3


def test_the_same_generator_paints_the_same_and_another_another():
    shares, tissues = liver()
    settings = AppearanceSettings()
    one, again, other = (painted(settings, shares, tissues, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.allclose(one, other)
    assert one.dtype == np.float32
