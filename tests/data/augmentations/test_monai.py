"""The same drawn values give what MONAI gives where the two mean the same, and where they differ ours is right."""

import numpy as np
import pytest
from monai.transforms import GaussianSmooth, RandAdjustContrast, RandSimulateLowResolution

from ramify.data.augmentations.blur import Blur
from ramify.data.augmentations.gamma import Gamma
from ramify.data.augmentations.low_resolution import LowResolution

ISOTROPIC = (1.0, 1.0, 1.0)


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("keeps", ["range", "mean_and_sd"])
def test_gamma(inverted, keeps):
    image = np.random.default_rng(0).gamma(2, size=(8, 9, 10)).astype(np.float32)
    transform = RandAdjustContrast(1.0, (1.4, 1.4), invert_image=inverted, retain_stats=keeps == "mean_and_sd")
    expected = np.asarray(transform(image[None].copy()))[0]
    Gamma(1.4, keeps, inverted)(image, ISOTROPIC)
    np.testing.assert_allclose(image, expected, atol=1e-5)


def test_low_resolution_does_not_move_the_image_against_its_labels():
    """Of values that rise by one a voxel the mean is where it was; MONAI rounds places down."""
    ramp = np.broadcast_to(np.arange(40, dtype=np.float32), (4, 4, 40))
    ours, theirs = [], []
    for factor in np.linspace(0.52, 0.98, 24):
        image = ramp.copy()
        LowResolution(factor)(image, ISOTROPIC)
        other = np.asarray(RandSimulateLowResolution(1.0, zoom_range=(factor, factor))(ramp[None].copy()))[0]
        ours.append((image - ramp)[:, :, 5:-5].mean())
        theirs.append((other - ramp)[:, :, 5:-5].mean())
    assert abs(np.mean(ours)) < 0.05
    assert np.mean(theirs) < -0.5


def test_blur_leaves_a_constant_image_as_it_is():
    """MONAI takes zeros around it."""
    image = np.ones((9, 9, 9), np.float32)
    Blur((1.0, 1.0, 1.0))(image, ISOTROPIC)
    np.testing.assert_allclose(image, 1, atol=1e-6)
    assert float(GaussianSmooth(1.0)(np.ones((1, 9, 9, 9), np.float32))[0, 0, 0, 0]) < 0.5
