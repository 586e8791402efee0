"""The ways around slow layers on the CPU give what torch's own layers give, gradients included."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from ramify.models.cpu_layers import LEAST_VOXELS, PReLU, convolve, in_order_of

CONVOLVE = {2: functional.conv2d, 3: functional.conv3d}
FORMATS = {2: torch.channels_last, 3: torch.channels_last_3d}
LARGE = {2: (64, 65), 3: (16, 16, 17)}
SMALL = {2: (5, 6), 3: (4, 3, 5)}


def with_gradients(operation, *inputs: torch.Tensor) -> list[torch.Tensor]:
    """The result of an operation and the gradient of a weighted sum of it."""
    leaves = [each.detach().clone().requires_grad_() for each in inputs]
    result = operation(*leaves)
    weight = torch.linspace(-1, 1, result.numel(), dtype=result.dtype).view(result.shape)
    return [result.detach(), *torch.autograd.grad((result * weight).sum(), leaves)]


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_convolution_is_torchs(ndim, kernel, batch, size):
    features = torch.randn(batch, 2, *size[ndim], dtype=torch.float64)
    weight = torch.randn(3, 2, *(kernel,) * ndim, dtype=torch.float64)
    bias = torch.randn(3, dtype=torch.float64)
    ours = with_gradients(convolve, features, weight, bias)
    plain = with_gradients(lambda x, w, b: CONVOLVE[ndim](x, w, b, padding=kernel // 2), features, weight, bias)
    for one, other in zip(ours, plain):
        torch.testing.assert_close(one, other)


def test_the_large_sizes_take_the_way_around():
    assert all(torch.Size(size).numel() >= LEAST_VOXELS for size in LARGE.values())


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("batch", [1, 2])
def test_channels_last_stays(kernel, batch):
    order = torch.channels_last_3d
    features = torch.randn(batch, 4, 16, 16, 16).contiguous(memory_format=order)
    weight = torch.randn(4, 4, *(kernel,) * 3).contiguous(memory_format=order)
    assert convolve(features, weight).is_contiguous(memory_format=order)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_prelu_is_torchs(dtype):
    ours, plain = PReLU(0.25), nn.PReLU()
    if dtype == torch.float64:
        ours, plain = ours.double(), plain.double()
    features = torch.tensor([-2.0, -1.0, -0.0, 0.0, 0.5, 3.0], dtype=dtype)
    for one, other in zip(*(with_gradients(layer, features) for layer in (ours, plain.to(dtype)))):
        torch.testing.assert_close(one, other)
    ours(features).sum().backward()
    assert ours.weight.grad.item() == -3.0


def test_prelu_of_a_slope_below_zero_is_torchs():
    ours, plain = PReLU(-0.5).double(), nn.PReLU(init=-0.5).double()
    features = torch.randn(2, 3, 4, dtype=torch.float64)
    for one, other in zip(*(with_gradients(layer, features) for layer in (ours, plain))):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_single_channel_takes_the_kernels_order(ndim):
    image = torch.randn(2, 1, *(4,) * ndim)
    kernel = torch.randn(3, 2, *(3,) * ndim)
    assert in_order_of(image, kernel) is image
    turned = in_order_of(image, kernel.contiguous(memory_format=FORMATS[ndim]))
    assert torch.equal(turned, image)
    assert turned.stride(1) == 1


@pytest.mark.parametrize("size", [(2, 2, 2), (2, 4, 3), (4, 2, 2), (1, 2, 2), (2, 8), (8, 2)])
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_small_volumes_have_their_gradients_in_bfloat16(size, kernel_size):
    torch.manual_seed(0)
    order = torch.channels_last if len(size) == 2 else torch.channels_last_3d
    features = torch.randn(1, 8, *size).bfloat16().float().contiguous(memory_format=order).requires_grad_()
    kernel = torch.randn(8, 8, *(kernel_size,) * len(size)).bfloat16().float().contiguous(memory_format=order)
    kernel.requires_grad_()
    outer = torch.randn(1, 8, *size).bfloat16()
    exact = torch.autograd.grad(convolve(features, kernel), (features, kernel), outer.float())
    with torch.autocast("cpu", torch.bfloat16):
        convolved = convolve(features, kernel)
    assert convolved.dtype == torch.bfloat16
    for one, other in zip(torch.autograd.grad(convolved, (features, kernel), outer), exact):
        torch.testing.assert_close(one, other, rtol=0.05, atol=0.2)
