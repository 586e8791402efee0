"""Changes of intensities, by hand and against SciPy: each channel alone or together, replayed from what was drawn."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import kstest

from ramify.data.augmentation import draw_augmentation
from ramify.data.augmentations.blur import Blur
from ramify.data.augmentations.brightness import Brightness
from ramify.data.augmentations.contrast import Contrast
from ramify.data.augmentations.gamma import Gamma
from ramify.data.augmentations.low_resolution import LowResolution
from ramify.data.augmentations.noise import Noise
from ramify.data.augmentations.settings import AugmentationSettings

STILL = {"probability": 0, "flip_probability": 0, "gamma": (1, 1)}
KINDS = {
    "noise": (Noise, "sd"),
    "blur": (Blur, "sigma_mm"),
    "brightness": (Brightness, "factor"),
    "contrast": (Contrast, "factor"),
    "low_resolution": (LowResolution, "factor"),
    "inverted_gamma": (Gamma, "exponent"),
}


def changed(change, values, spacing_mm=None):
    channel = np.array(values, dtype=np.float32)
    change(channel, spacing_mm or (1.0,) * channel.ndim)
    return channel


def drawn_of(seed, channels=1, ndim=3, **sections):
    settings = AugmentationSettings.model_validate({**STILL, **sections})
    return draw_augmentation(settings, ndim, np.random.default_rng(seed), channels=channels).grey_changes


def test_brightness_is_a_factor():
    assert changed(Brightness(1.5), [[0, 2], [-4, 1]]).tolist() == [[0, 3], [-6, 1.5]]


def test_contrast_is_a_factor_about_the_mean_within_the_range():
    # Mean 3: distances -3, -1, 0, 4.
    assert changed(Contrast(0.5), [0, 2, 3, 7]).tolist() == [1.5, 2.5, 3, 5]
    assert changed(Contrast(2), [0, 2, 3, 7]).tolist() == [0, 1, 3, 7]
    assert changed(Contrast(2), [5, 5]).tolist() == [5, 5]


def test_gamma_bends_within_the_range_and_inverted_from_the_other_end():
    assert changed(Gamma(2), [-1, 0, 1, 3]).tolist() == [-1, -0.75, 0, 3]
    assert changed(Gamma(2, inverted=True), [-1, 0, 1, 3]).tolist() == [-1, 0.75, 2, 3]
    assert changed(Gamma(2), [4, 4]).tolist() == [4, 4]


@pytest.mark.parametrize("inverted", [False, True])
def test_gamma_that_keeps_mean_and_sd_is_the_other_scaled(inverted):
    image = np.random.default_rng(0).gamma(2, size=(9, 10, 11)).astype(np.float32)
    kept = changed(Gamma(1.4, "mean_and_sd", inverted), image)
    plain = changed(Gamma(1.4, "range", inverted), image)
    assert kept.mean() == pytest.approx(image.mean(), rel=1e-5)
    assert kept.std() == pytest.approx(image.std(), rel=1e-5)
    assert plain.std() != pytest.approx(image.std(), rel=1e-2)
    np.testing.assert_allclose((kept - kept.mean()) / kept.std(), (plain - plain.mean()) / plain.std(), atol=1e-4)


def test_noise_is_normal_white_and_the_same_for_its_seed():
    image = np.full((50, 60, 71), 3, np.float32)
    noisy = changed(Noise(0.5, seed=11), image)
    normal = ((noisy - 3) / 0.5).ravel()
    assert kstest(normal[::5], "norm").pvalue > 1e-3
    assert abs(normal.mean()) < 5 / np.sqrt(normal.size)
    assert abs(normal.std() - 1) < 5 / np.sqrt(2 * normal.size)
    # The two halves of a pair, a block apart, and neighbours know nothing of one another.
    for lag in (1, 71, 16384):
        assert abs(np.corrcoef(normal[:-lag], normal[lag:])[0, 1]) < 5 / np.sqrt(normal.size)
    np.testing.assert_array_equal(noisy, changed(Noise(0.5, seed=11), image))
    assert abs(np.corrcoef(normal, (changed(Noise(0.5, seed=12), image)).ravel())[0, 1]) < 0.01
    for few in (1, 2, 3):
        assert np.isfinite(changed(Noise(0.5, seed=11), np.zeros(few))).all()
    assert not changed(Noise(0.0, seed=11), np.zeros(5)).any()


@pytest.mark.parametrize("sigma_mm", [0.6, 2.5])
@pytest.mark.parametrize(
    ("shape", "spacing"),
    [
        ((9, 20, 300), (2.0, 0.7, 0.7)),
        ((30, 21), (0.5, 1.0)),
        ((1, 2, 9), (1, 1, 1)),
        ((1, 9), (1, 1)),
        ((1, 1, 9), (1, 1, 1)),
        ((9, 1, 1), (1, 1, 1)),
    ],
)
def test_blur_is_scipys_in_millimetres(shape, spacing, sigma_mm):
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    blurred = changed(Blur((sigma_mm,) * len(shape)), image, spacing)
    expected = gaussian_filter(image.astype(np.float64), [sigma_mm / voxel for voxel in spacing])
    np.testing.assert_allclose(blurred, expected, atol=2e-6)
    assert blurred.mean() == pytest.approx(image.mean(), abs=1e-5)


def test_a_blur_is_as_wide_for_the_patient_on_any_grid():
    """One bright millimetre, on a fine and on a coarse grid along z."""
    for voxel in (0.25, 1.0):
        depth = int(24 / voxel) + 1
        image = np.zeros((depth, 3, 3), np.float32)
        image[depth // 2] = 1
        line = changed(Blur((2.0, 2.0, 2.0)), image, (voxel, 1.0, 1.0))[:, 1, 1]
        mm = (np.arange(depth) - depth // 2) * voxel
        assert np.sqrt((line * mm**2).sum() / line.sum()) == pytest.approx(2.0, rel=0.01)


def test_low_resolution_takes_the_nearest_and_goes_back_linearly():
    # Voxels 1 and 3 of four, at 0.5 and 2.5 of the fine grid; beyond them it is constant.
    assert changed(LowResolution(0.5), [[0, 8, 2, 4]]).tolist() == [[8, 7, 5, 4]]
    image = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float32)
    np.testing.assert_array_equal(changed(LowResolution(1.0), image), image)
    np.testing.assert_array_equal(changed(LowResolution(0.01), image), np.full((5, 6, 7), image[2, 3, 3]))


def test_low_resolution_along_the_coarsest_axis_leaves_each_slice_of_the_others():
    image = np.random.default_rng(0).normal(size=(6, 4, 5)).astype(np.float32)
    for axis, spacing in enumerate(((3.0, 1.0, 1.0), (1.0, 3.0, 1.0), (1.0, 1.0, 3.0))):
        found = changed(LowResolution(0.5, "coarsest"), image, spacing)
        moved = np.moveaxis(image, axis, -1)
        rows = np.stack([changed(LowResolution(0.5), row) for row in moved.reshape(-1, moved.shape[-1])])
        np.testing.assert_allclose(np.moveaxis(found, axis, -1), rows.reshape(moved.shape), atol=1e-6)
    alike = changed(LowResolution(0.5, "coarsest"), image)
    np.testing.assert_array_equal(alike, changed(LowResolution(0.5, "coarsest"), image, (3.0, 1.0, 1.0)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_share_of_the_samples_is_changed_within_the_range(kind):
    change, field = KINDS[kind]
    settings = AugmentationSettings.model_validate({**STILL, kind: {"probability": 0.3}})
    low, high = getattr(getattr(settings, kind), "exponent" if kind == "inverted_gamma" else field)
    values = []
    for seed in range(400):
        changes = drawn_of(seed, **{kind: {"probability": 0.3}})
        assert len(changes) <= 1
        values += [np.ravel(getattr(grey.change, field)) for grey in changes]
        assert all(isinstance(grey.change, change) and grey.channel == 0 for grey in changes)
    assert 0.2 < len(values) / 400 < 0.4
    assert low <= np.min(values) < low + 0.2 * (high - low)
    assert high >= np.max(values) > high - 0.2 * (high - low)


@pytest.mark.parametrize("kind", KINDS)
def test_channels_are_drawn_alone_or_together(kind):
    _, field = KINDS[kind]
    for channels in ("alone", "together"):
        greys = drawn_of(0, 3, **{kind: {"probability": 1, "channels": channels}})
        assert [grey.channel for grey in greys] == [0, 1, 2]
        assert (len({getattr(grey.change, field) for grey in greys}) == 1) is (channels == "together")
    if kind == "noise":
        assert len({grey.change.seed for grey in greys}) == 3
    shares = [len(drawn_of(seed, 3, **{kind: {"probability": 1, "channel_probability": 0.5}})) for seed in range(200)]
    assert 1.2 < np.mean(shares) < 1.8


def test_an_axis_may_have_its_own_blur():
    (grey,) = drawn_of(0, blur={"probability": 1, "per_axis": True})
    assert len(set(grey.change.sigma_mm)) == 3
    (grey,) = drawn_of(0, ndim=2, blur={"probability": 1})
    assert len(grey.change.sigma_mm) == 2
    assert len(set(grey.change.sigma_mm)) == 1


def test_gamma_of_a_share_of_samples_and_of_each_channel():
    some = {"gamma": (0.5, 2), "gamma_probability": 0.3, "gamma_keeps": "mean_and_sd"}
    changes = [drawn_of(seed, **some) for seed in range(300)]
    assert 0.2 < np.mean([len(each) for each in changes]) < 0.4
    assert {grey.change.keeps for each in changes for grey in each} == {"mean_and_sd"}
    alone = drawn_of(0, 3, gamma=(0.5, 2), gamma_channels="alone")
    assert [grey.channel for grey in alone] == [0, 1, 2]
    assert len({grey.change.exponent for grey in alone}) == 3
    (together,) = drawn_of(0, 3, gamma=(0.5, 2))
    assert together.channel is None
    assert together.change.exponent == alone[0].change.exponent
