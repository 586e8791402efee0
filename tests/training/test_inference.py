"""Whole volumes and sliding windows give the network's answer for every voxel, at any size."""

import pytest
import torch

from ramify.training.inference import infer, nan_where_not_finite, pad_to
from ramify.training.inference_settings import InferenceSettings
from ramify.training.sliding_window import NotFiniteError


def voxelwise(image: torch.Tensor) -> torch.Tensor:
    """A "network" whose answer depends on each voxel alone, and that insists on multiples of 4."""
    assert all(n % 4 == 0 for n in image.shape[2:])
    return torch.sigmoid(torch.cat([image, -image], dim=1))


@pytest.mark.parametrize("shape", [(9, 13, 7), (8, 8, 8), (10, 14), (3, 3)])
@pytest.mark.parametrize("sliding", [False, True])
def test_every_voxel_gets_its_answer(shape, sliding):
    image = torch.randn(1, 1, *shape, generator=torch.Generator().manual_seed(0))
    patch = (8,) * len(shape) if sliding else None
    result = infer(voxelwise, image, InferenceSettings(), patch, 4)
    assert result.shape == (1, 2, *shape)
    torch.testing.assert_close(result[:, :1], torch.sigmoid(image))
    torch.testing.assert_close(result[:, 1:], torch.sigmoid(-image))


def test_the_setting_overrides_the_training_patch():
    seen = []

    def network(image):
        seen.append(tuple(image.shape[2:]))
        return image

    infer(network, torch.zeros(1, 1, 16, 16), InferenceSettings(window=(8, 4)), (16, 16), 4)
    assert set(seen) == {(8, 4)}


@pytest.mark.parametrize(("window", "message"), [((8, 8), "2 axes, the image has 3"), ((8, 8, 6), "multiple of 4")])
def test_a_window_that_does_not_fit_is_refused(window, message):
    with pytest.raises(ValueError, match=message):
        infer(voxelwise, torch.zeros(1, 1, 8, 8, 8), InferenceSettings(window=window), None, 4)


def test_padding_holds_the_lowest_value_at_the_far_ends():
    image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    padded = pad_to(image, (3, 2))
    assert padded.tolist() == [[[[1, 2], [3, 4], [1, 1]]]]
    assert pad_to(image, (2, 2)) is image
    two = pad_to(torch.cat((image, -10 * image), dim=1), (3, 2))
    assert two[0, :, 2].tolist() == [[1, 1], [-40, -40]]


def test_an_output_that_is_not_finite_names_its_window():
    """NaN compares false with one half: without a look it is a mask without a vessel."""
    image = torch.zeros(1, 1, 12, 8)
    image[0, 0, 10, 3] = torch.inf

    def network(windows):
        return nan_where_not_finite(torch.sigmoid(windows), windows)

    whole, windows = InferenceSettings(), InferenceSettings(window=(4, 8), overlap=0)
    with pytest.raises(NotFiniteError, match=r"over the whole volume \(12, 8\) is not finite"):
        infer(network, image, whole, None, 4)
    with pytest.raises(NotFiniteError, match=r"in the window of voxels 8 to 11, 0 to 7 is not finite"):
        infer(network, image, windows, None, 4)
