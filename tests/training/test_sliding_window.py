"""A sliding window says what MONAI's does, and has no more of an image in memory than its windows reach."""

import numpy as np
import pytest
import torch
from monai.inferers import sliding_window_inference
from torch.nn import functional

from ramify.training.inference import infer, pad_to
from ramify.training.inference_settings import InferenceSettings
from ramify.training.sliding_window import slide, window_places

KERNELS = {ndim: torch.rand(3, 2, *[3] * ndim, generator=torch.Generator().manual_seed(ndim)) - 0.5 for ndim in (2, 3)}


def network(windows: torch.Tensor) -> torch.Tensor:
    ndim = windows.ndim - 2
    convolve = functional.conv3d if ndim == 3 else functional.conv2d
    return torch.sigmoid(convolve(windows, KERNELS[ndim], padding=1))


@pytest.mark.parametrize(
    ("shape", "window"),
    [((20, 14, 28), (8, 12, 16)), ((9, 13, 7), (4, 4, 4)), ((30, 9, 9), (16, 16, 16)), ((37, 41), (8, 12))],
)
@pytest.mark.parametrize("overlap", [0, 0.5, 0.8])
@pytest.mark.parametrize("at_once", [1, 3])
def test_it_is_monais_to_the_last_bit(shape, window, overlap, at_once):
    image = torch.rand(1, 2, *shape, generator=torch.Generator().manual_seed(0))
    padded = pad_to(image, tuple(max(-(-n // 4) * 4, extent) for n, extent in zip(shape, window)))
    with torch.no_grad():
        expected = sliding_window_inference(padded, window, at_once, network, overlap=overlap, mode="gaussian")
    settings = InferenceSettings(window=window, overlap=overlap, windows_at_once=at_once)
    found = infer(network, image, settings, None, 4)
    np.testing.assert_array_equal(found, expected[(..., *(slice(n) for n in shape))])


def test_a_window_over_everything_is_the_network_alone():
    image = torch.rand(1, 2, 8, 12, generator=torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(infer(network, image, InferenceSettings(window=(8, 12)), None, 4), network(image))


def test_slices_are_asked_for_once_and_handed_on_as_soon_as_no_window_reaches_them():
    image = torch.rand(1, 2, 40, 8, 8, generator=torch.Generator().manual_seed(0))
    size, window = (40, 8, 8), (8, 8, 8)
    asked: list[tuple[int, int]] = []
    told: list[int] = []

    def slices(start: int, stop: int) -> torch.Tensor:
        asked.append((start, stop))
        return image[:, :, start:stop]

    places = window_places(size, window, 0.5)
    done = 0
    for slab in slide(network, slices, size, window, places, 2, told.append):
        done += slab.shape[2]
        # Two windows at once span twelve slices.
        assert slab.shape[2] <= 12
        assert asked[-1][1] - done <= 12
    covered = [at for start, stop in asked for at in range(start, stop)]
    assert covered == list(range(40))
    assert done == 40
    assert sum(told) == len(places) == 9
