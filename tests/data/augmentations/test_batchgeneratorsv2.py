"""The same drawn values give what batchgeneratorsv2 gives, nnU-Net's library, where the two mean the same."""

import numpy as np
import pytest

pytest.importorskip("batchgeneratorsv2", reason="batchgeneratorsv2 is not installed")
import torch
from batchgeneratorsv2.transforms.intensity.brightness import MultiplicativeBrightnessTransform
from batchgeneratorsv2.transforms.intensity.contrast import ContrastTransform
from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform
from batchgeneratorsv2.transforms.intensity.gaussian_noise import GaussianNoiseTransform
from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform
from batchgeneratorsv2.transforms.spatial.low_resolution import SimulateLowResolutionTransform
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform

from ramify.data.augmentation import apply_augmentation
from ramify.data.augmentations.blur import Blur
from ramify.data.augmentations.brightness import Brightness
from ramify.data.augmentations.contrast import Contrast
from ramify.data.augmentations.drawn import Augmentation
from ramify.data.augmentations.gamma import Gamma
from ramify.data.augmentations.low_resolution import LowResolution
from ramify.data.augmentations.noise import Noise

SHAPES = [(20, 24, 28), (30, 33)]


def image_of(shape):
    return np.random.default_rng(0).gamma(2, size=shape).astype(np.float32)


def ours(change, image):
    channel = image.copy()
    change(channel, (1.0,) * image.ndim)
    return channel


def theirs(transform, image):
    return transform(image=torch.from_numpy(image[None].copy()))["image"][0].numpy()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("factor", [0.75, 1.2])
def test_brightness_and_contrast(shape, factor):
    image = image_of(shape)
    brighter = theirs(MultiplicativeBrightnessTransform(factor, synchronize_channels=False), image)
    np.testing.assert_allclose(ours(Brightness(factor), image), brighter, rtol=1e-6)
    stretched = theirs(ContrastTransform(factor, preserve_range=True, synchronize_channels=False), image)
    np.testing.assert_allclose(ours(Contrast(factor), image), stretched, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("keeps", ["range", "mean_and_sd"])
def test_gamma(shape, inverted, keeps):
    image = image_of(shape)
    transform = GammaTransform(1.4, float(inverted), False, 1, float(keeps == "mean_and_sd"))
    np.testing.assert_allclose(ours(Gamma(1.4, keeps, inverted), image), theirs(transform, image), atol=2e-5)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("factor", [0.5, 0.62, 0.9])
def test_low_resolution(shape, factor):
    """Its places between voxels are of single precision."""
    image = image_of(shape)
    transform = SimulateLowResolutionTransform(factor, False, True, None)
    np.testing.assert_allclose(ours(LowResolution(factor), image), theirs(transform, image), atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_blur_inside_and_to_the_kernel_that_the_peer_cuts(shape):
    """It cuts its kernel at three standard deviations and mirrors about the outermost centres."""
    image = image_of(shape)
    transform = GaussianBlurTransform(1.5, synchronize_channels=False, synchronize_axes=True)
    inside = (slice(7, -7),) * len(shape)
    difference = (ours(Blur((1.5,) * len(shape)), image) - theirs(transform, image))[inside]
    assert np.abs(difference).max() < 0.01 * image.std()


def test_noise_of_the_same_strength():
    """What it calls a variance is the standard deviation."""
    nothing = np.zeros((60, 60, 60), np.float32)
    noise = theirs(GaussianNoiseTransform(0.1), nothing)
    assert ours(Noise(0.1, seed=0), nothing).std() == pytest.approx(noise.std(), rel=0.02)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", [[0.8, 1.3, 1.1], [1.2, 1.2, 1.2]])
def test_rotation_and_zoom(shape, scale):
    """Its scaling stretches the grid: larger is smaller anatomy, along the window's axes before they are turned."""
    ndim = len(shape)
    image, inside = image_of(shape), (slice(8, -8),) * ndim
    draws = iter([0.3, -0.2, 0.1][-ndim:] + scale[:ndim])
    transform = SpatialTransform(
        shape, 0, random_crop=False, p_rotation=1, rotation=lambda **_: next(draws), p_scaling=1, mode_seg="nearest",
        scaling=lambda **_: next(draws),
    )  # fmt: skip
    labels = (image > 2).astype(np.int16)
    parameters = transform.get_parameters(image=torch.from_numpy(image[None]))
    tensors = {"image": torch.from_numpy(image[None].copy()), "segmentation": torch.from_numpy(labels[None])}
    expected = transform.apply(tensors, **parameters)
    drawn = Augmentation(np.linalg.inv(parameters["affine"]), np.zeros(ndim))
    centre = tuple((n - 1) / 2 for n in shape)
    found = apply_augmentation(drawn, image[None], labels, labels, (1.0,) * ndim, output_shape=shape, centre=centre)
    np.testing.assert_allclose(found.image[0][inside], expected["image"][0].numpy()[inside], atol=1e-3)
    assert (found.labels[inside] == expected["segmentation"][0].numpy()[inside]).mean() > 0.999
