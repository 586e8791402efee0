"""The layers: equal to torch's own where both exist, deterministic where torch's are not."""

import pytest
import torch
from torch import nn

from ramify.models.blocks import LAYERS, DownSampling, ResidualBlock, upsampled_convolution

TORCH_CONVOLVES = {2: nn.functional.conv2d, 3: nn.functional.conv3d}
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


def test_up_sampling_and_convolution_worked_by_hand():
    # Along the last axis 1, 2 becomes 1, 1, 2, 2; with zeros around and taps 100, 10, 1 of the middle row: 11, 112, …
    features = torch.tensor([[[[1.0, 2.0]]]])
    kernel = torch.zeros(1, 1, 3, 3)
    kernel[0, 0, 1] = torch.tensor([100.0, 10.0, 1.0])
    row = torch.tensor([0 + 10 + 1, 100 + 10 + 2, 100 + 20 + 2, 200 + 20 + 0.0])
    assert torch.equal(upsampled_convolution(features, kernel), row.expand(1, 1, 2, 4))


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("channels_last", [False, True])
def test_up_sampling_and_convolution_in_one_step(ndim, channels_last):
    features = torch.randn(2, 4, *(2, 3, 1)[:ndim], dtype=torch.float64)
    if channels_last:
        features = features.contiguous(memory_format=LAYERS[ndim].memory_format)
    kernel = torch.randn(5, 4, *(3,) * ndim, dtype=torch.float64)
    weight = torch.randn(2, 5, *(4, 6, 2)[:ndim], dtype=torch.float64)
    results = []
    for operation in (
        upsampled_convolution,
        lambda x, w: TORCH_CONVOLVES[ndim](
            nn.functional.interpolate(x, scale_factor=2.0, mode="nearest"), w, padding=1
        ),
    ):
        inputs = features.clone().requires_grad_(), kernel.clone().requires_grad_()
        output = operation(*inputs)
        results.append((output, *torch.autograd.grad((output * weight).sum(), inputs)))
    for one, other in zip(*results):
        torch.testing.assert_close(one, other)


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
