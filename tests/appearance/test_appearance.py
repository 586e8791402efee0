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


def test_what_drifts_from_slice_to_slice_is_the_same_all_over_a_slice():
    shares, tissues = liver((200, 4, 4))
    settings = PLAIN.model_copy(update={"slice_drift_hu": (8.0, 8.0), "slice_drift_mm": (4.0, 4.0)})
    images = [painted(settings, shares, tissues, seed) for seed in range(8)]
    assert max(np.ptp(image, axis=(1, 2)).max() for image in images) < 0.1
    levels = np.stack([image[:, 0, 0] for image in images]) - 100
    assert levels.std() == pytest.approx(8, rel=0.15)
    # Correlated as exp(-z^2 / 2 c^2): .61 at c, .14 at 2 c.
    for apart, expected in ((4, 0.61), (8, 0.14)):
        assert np.mean(levels[:, apart:] * levels[:, :-apart]) / np.mean(levels**2) == pytest.approx(expected, abs=0.15)


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


def ball(radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A lesion in a liver, and how far outside it each voxel lies."""
    shares, tissues = liver((40, 40, 40))
    outwards = np.linalg.norm(np.indices(tissues.shape) - 20, axis=0) - radius
    tissues[outwards <= 0] = FIRST_LESION
    return shares, tissues, outwards


def test_a_rim_lies_about_the_surface_of_its_lesion_and_ends_with_the_liver():
    update = {"lesion_rims": 1.0, "rim_mm": (3, 3), "rim_to_portal": (1, 1), "lesion_contrast_hu": (-50, -50)}
    settings = PLAIN.model_copy(update={**update, "dense_lesions": 0})
    shares, tissues, outwards = ball(9)
    tissues[:, :, 32:] = Tissue.FAT
    filled = []
    for seed in range(8):
        image = painted(settings, shares, tissues, seed)
        assert image[20, 20, 20] == pytest.approx(50, abs=0.1)
        assert np.allclose(image[(outwards > 5) & (tissues == Tissue.LIVER)], 100, atol=0.1)
        assert image[np.abs(outwards) < 4].max() == pytest.approx(160, abs=0.1), "as bright as the portal vein"
        assert (image[tissues == Tissue.FAT] < -55).all()
        without = np.where(tissues == FIRST_LESION, 50, 100)
        share = ((image - without) / (160 - without))[tissues != Tissue.FAT]
        filled.append(share.sum() / (4 / 3 * np.pi * (10.5**3 - 7.5**3)))
    assert 0.6 < np.mean(filled) < 1.4, "3 mm thick in the mean"


def test_an_uneven_lesion_has_two_densities_and_no_other_place_has():
    shares, tissues, outwards = ball(12)
    update = {"uneven_lesions": 1.0, "dense_lesions": 0.5, "patch_mm": (3, 3)}
    images = [painted(PLAIN.model_copy(update=update), shares, tissues, seed) for seed in range(6)]
    densities = [np.unique(np.round(image[outwards < 0])) for image in images]
    assert {len(found) for found in densities} == {2}
    assert max(found.max() for found in densities) > 200 > min(found.max() for found in densities)
    assert all(np.allclose(image[outwards > 1], 100, atol=0.1) for image in images)


def test_what_touches_the_liver_has_a_density_of_its_own_in_places():
    shares, tissues = liver((60, 60, 20))
    tissues[:, :, :8] = Tissue.FAT
    update = {"capsules": 1.0, "capsule_mm": (2, 2), "capsule_contrast_hu": (80, 80)}
    image = painted(PLAIN.model_copy(update=update), shares, tissues)
    shell = image[:, :, 6:8]
    there = np.isclose(shell, 180, atol=0.1)
    assert 0.2 < there.mean() < 1
    assert (shell[~there] < -55).all()
    assert (image[:, :, :6] < -55).all()
    assert np.allclose(image[:, :, 8:], 100, atol=0.1)


def test_the_same_generator_paints_the_same_and_another_another():
    shares, tissues = liver()
    settings = AppearanceSettings()
    one, again, other = (painted(settings, shares, tissues, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.allclose(one, other)
    assert one.dtype == np.float32
