"""The layers everything is built of: one table turns 2 or 3 dimensions into convolution and batch norm.

Determinism decides two forms here. Trilinear up-sampling and `MaxPool3d` have no deterministic backward pass on CUDA,
so the way up is nearest-neighbour up-sampling and the way down is a maximum along one axis after the other.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ramify.models.cpu_layers import Convolution2d, Convolution3d, PReLU

PRELU_START = 0.25  # the slope PReLU starts from, which the initial weights must allow for


class Layers(NamedTuple):
    """The layers of one number of dimensions."""

    convolution: type[Convolution2d] | type[Convolution3d]
    transposed_convolution: type[nn.ConvTranspose2d] | type[nn.ConvTranspose3d]
    batch_norm: type[nn.BatchNorm2d] | type[nn.BatchNorm3d]
    instance_norm: type[nn.InstanceNorm2d] | type[nn.InstanceNorm3d]
    convolve_transposed: Callable[..., Tensor]
    memory_format: torch.memory_format  # channels last: the order the CPU's convolutions are fastest in


LAYERS = {
    2: Layers(
        Convolution2d,
        nn.ConvTranspose2d,
        nn.BatchNorm2d,
        nn.InstanceNorm2d,
        functional.conv_transpose2d,
        torch.channels_last,
    ),
    3: Layers(
        Convolution3d,
        nn.ConvTranspose3d,
        nn.BatchNorm3d,
        nn.InstanceNorm3d,
        functional.conv_transpose3d,
        torch.channels_last_3d,
    ),
}


def layers_of(ndim: int) -> Layers:
    """Layers for images of `ndim` dimensions; ValueError unless that is 2 or 3."""
    if ndim not in LAYERS:
        raise ValueError(f"ndim: expected 2 or 3, got {ndim!r}")
    return LAYERS[ndim]


def check_at_least(name: str, value: int, least: int) -> None:
    """Raise ValueError unless `value` is an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name}: expected an integer of at least {least}, got {value!r}")


def normalised_convolution(in_channels: int, out_channels: int, kernel: int, ndim: int) -> nn.Sequential:
    """Convolution that keeps the size, then batch norm (whose shift makes a bias in the convolution superfluous)."""
    layers = layers_of(ndim)
    convolution = layers.convolution(in_channels, out_channels, kernel, bias=False)
    return nn.Sequential(convolution, layers.batch_norm(out_channels))


class ResidualBlock(nn.Module):
    """Two convolutions of 3^ndim with batch norm and PReLU around a shortcut: (B, in, *S) -> (B, out, *S).

    The shortcut is the input itself, or a 1^ndim convolution with batch norm where the number of channels changes.
    """

    def __init__(self, in_channels: int, out_channels: int, ndim: int) -> None:
        super().__init__()
        self.first = normalised_convolution(in_channels, out_channels, 3, ndim)
        self.activation = PReLU(PRELU_START)
        self.second = normalised_convolution(out_channels, out_channels, 3, ndim)
        same = in_channels == out_channels
        self.shortcut = nn.Identity() if same else normalised_convolution(in_channels, out_channels, 1, ndim)
        self.final_activation = PReLU(PRELU_START)

    def forward(self, features: Tensor) -> Tensor:
        return self.join(self.first(features), self.shortcut(features))

    def join(self, first: Tensor, shortcut: Tensor) -> Tensor:
        """What follows the first convolution and the shortcut."""
        residual = self.second(self.activation(first))
        joined: Tensor = self.final_activation(residual.add_(shortcut))
        return joined


def upsampled_convolution(features: Tensor, kernel: Tensor, factors: Sequence[int] | None = None) -> Tensor:
    """Nearest-neighbour up-sampling by two, then a convolution by `kernel` (out, in, 3, …), in one step: exactly.

    factors: of each axis 2, or 1 where it is not up-sampled; None: all by two.

    Along an axis, up-sampling repeats each value, so that the three taps w0, w1, w2 meet it as the four taps w2,
    w1 + w2, w0 + w1, w0 of a transposed convolution of stride two. That takes 4^ndim products an input voxel rather
    than 6^ndim, and the up-sampled features need not be stored.
    """
    ndim = features.ndim - 2
    layers = layers_of(ndim)
    stride = (2,) * ndim if factors is None else tuple(factors)
    for axis in range(2, kernel.ndim):
        before = [0, 0] * (kernel.ndim - 1 - axis)
        flipped = kernel.flip(axis)
        if stride[axis - 2] == 1:
            kernel = flipped
            continue
        kernel = functional.pad(flipped, [*before, 0, 1]) + functional.pad(flipped, [*before, 1, 0])
    kernel = kernel.transpose(0, 1)
    if not features.is_contiguous():  # channels last: a kernel in another order would have the result copied over
        kernel = kernel.contiguous(memory_format=layers.memory_format)
    return layers.convolve_transposed(features, kernel, stride=stride, padding=1)


class DownSampling(nn.Module):
    """Max-pooling by two, of the axes whose factor is 2 (None: of all): (B, C, *S) -> (B, C, *S/2).

    Equal values share the gradient.
    """

    def forward(self, features: Tensor, factors: Sequence[int] | None = None) -> Tensor:
        for axis in range(features.ndim - 1, 1, -1):
            if factors is not None and factors[axis - 2] == 1:
                continue
            features = features.unflatten(axis, (-1, 2)).amax(axis + 1)
        return features


def initialise(network: nn.Module, slope: float = PRELU_START) -> None:
    """Draw the weights (He et al. 2015): every convolution keeps the variance of its input.

    `slope` is that of the activations for values below 0; 0 stands for ReLU. Uses torch's global generator, so a seed
    set by the caller fixes the weights. Batch norm starts as the identity.
    """
    for module in network.modules():
        # Weights without memory have nothing to draw, and drawing would load torch's compiler: 70 MB and a second.
        if isinstance(module, nn.Conv2d | nn.Conv3d) and not module.weight.is_meta:
            nn.init.kaiming_normal_(module.weight, a=slope, nonlinearity="leaky_relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
