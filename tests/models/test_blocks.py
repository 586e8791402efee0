"""The layers: equal to torch's own where both exist, deterministic where torch's are not."""

import pytest
import torch
from torch import nn

from models.blocks import LAYERS, DownSampling, ResidualBlock, UpSampling

POOLS = {2: nn.MaxPool2d(2), 3: nn.MaxPool3d(2)}


@pytest.mark.parametrize("ndim", [2, 3])
def test_down_sampling_is_max_pooling_with_its_gradient(ndim):
    features = torch.randn(2, 3, *(4, 6, 8)[:ndim], requires_grad=True)
    weight = torch.randn(2, 3, *(2, 3, 4)[:ndim])
    results = []
    for pool in (DownSampling(), POOLS[ndim]):
        features.grad = None
        pooled = pool(features)
        (pooled * weight).sum().backward()
        results.append((pooled.detach(), features.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


def test_down_sampling_shares_the_gradient_among_equals():
    features = torch.ones(1, 1, 2, 2, requires_grad=True)
    DownSampling()(features).sum().backward()
    assert torch.equal(features.grad, torch.full((1, 1, 2, 2), 0.25))


@pytest.mark.parametrize("ndim", [2, 3])
def test_up_sampling_equals_nearest_neighbour_then_convolution(ndim):
    up = UpSampling(4, 3, ndim)
    features = torch.randn(1, 4, *(2, 3, 4)[:ndim])
    expected = up.convolution(nn.functional.interpolate(features, scale_factor=2.0, mode="nearest"))
    torch.testing.assert_close(up(features), expected)


@pytest.mark.parametrize("ndim", [2, 3])
def test_residual_block_with_silent_convolutions_is_its_shortcut(ndim):
    block = ResidualBlock(3, 3, ndim)
    nn.init.zeros_(block.second[0].weight)
    features = torch.randn(2, 3, *(4,) * ndim)
    torch.testing.assert_close(block(features), torch.where(features > 0, features, 0.25 * features))


@pytest.mark.parametrize("ndim", [2, 3])
def test_residual_block_computes_what_its_parts_say(ndim):
    block = ResidualBlock(2, 5, ndim)
    features = torch.randn(2, 2, *(4,) * ndim)
    assert isinstance(block.first[0], LAYERS[ndim].convolution)
    assert block.first[0].kernel_size == (3,) * ndim
    first = nn.functional.prelu(block.first[1](block.first[0](features)), torch.tensor(0.25))
    shortcut = block.shortcut[1](block.shortcut[0](features))
    expected = nn.functional.prelu(block.second[1](block.second[0](first)) + shortcut, torch.tensor(0.25))
    torch.testing.assert_close(block(features), expected)
