"""DeepVesselNet's stack of convolutions: its size, and how far a voxel sees."""

import pytest
import torch

from ramify.models import FCN


@pytest.mark.parametrize("ndim", [2, 3])
def test_parameters_of_the_paper(ndim):
    # Tetteh et al. 2020: 5, 10, 20 and 50 channels by kernels of 3, 5, 5 and 3 voxels, then one of a single voxel.
    layers = [(1, 5, 3), (5, 10, 5), (10, 20, 5), (20, 50, 3), (50, 1, 1)]
    expected = sum(n * m * kernel**ndim + m for n, m, kernel in layers)
    assert sum(parameter.numel() for parameter in FCN(ndim=ndim).parameters()) == expected


def test_a_voxel_sees_six_voxels_each_way():
    network = FCN(1, 1, 2, ndim=2)
    image = torch.randn(1, 1, 21, 21, requires_grad=True)
    network(image).logits[0, 0, 10, 10].backward()
    seen = image.grad[0, 0] != 0
    expected = torch.zeros(21, 21, dtype=torch.bool)
    expected[4:17, 4:17] = True
    assert torch.equal(seen, expected)


def test_any_size_will_do():
    assert FCN(2, 3, 1, ndim=3)(torch.zeros(1, 2, 1, 3, 7)).logits.shape == (1, 3, 1, 3, 7)


def test_arguments_out_of_range():
    with pytest.raises(ValueError, match="base_channels: expected an integer of at least 1, got 0"):
        FCN(base_channels=0)
    with pytest.raises(ValueError, match="out_channels: expected an integer of at least 1, got 0"):
        FCN(out_channels=0)
