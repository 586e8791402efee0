"""The layers everything is built of: one table turns 2 or 3 dimensions into convolution and batch norm.

Determinism decides two forms here. Trilinear up-sampling and `MaxPool3d` have no deterministic backward pass on CUDA,
so the way up is nearest-neighbour up-sampling and the way down is a maximum along one axis after the other.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

PRELU_START = 0.25  # the slope PReLU starts from, which the initial weights must allow for


class Layers(NamedTuple):
    """The layers of one number of dimensions."""

    convolution: type[nn.Conv2d] | type[nn.Conv3d]
    batch_norm: type[nn.BatchNorm2d] | type[nn.BatchNorm3d]
    memory_format: torch.memory_format  # channels last: the order the CPU's convolutions are fastest in


LAYERS = {
    2: Layers(nn.Conv2d, nn.BatchNorm2d, torch.channels_last),
    3: Layers(nn.Conv3d, nn.BatchNorm3d, torch.channels_last_3d),
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
    convolution = layers.convolution(in_channels, out_channels, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, layers.batch_norm(out_channels))


class ResidualBlock(nn.Module):
    """Two convolutions of 3^ndim with batch norm and PReLU around a shortcut: (B, in, *S) -> (B, out, *S).

    The shortcut is the input itself, or a 1^ndim convolution with batch norm where the number of channels changes.
    """

    def __init__(self, in_channels: int, out_channels: int, ndim: int) -> None:
        super().__init__()
        self.first = normalised_convolution(in_channels, out_channels, 3, ndim)
        self.activation = nn.PReLU()
        self.second = normalised_convolution(out_channels, out_channels, 3, ndim)
        same = in_channels == out_channels
        self.shortcut = nn.Identity() if same else normalised_convolution(in_channels, out_channels, 1, ndim)
        self.final_activation = nn.PReLU()

    def forward(self, features: Tensor) -> Tensor:
        residual = self.second(self.activation(self.first(features)))
        return self.final_activation(residual.add_(self.shortcut(features)))


class DownSampling(nn.Module):
    """Max-pooling by two: (B, C, *S) -> (B, C, *S/2). Equal values share the gradient."""

    def forward(self, features: Tensor) -> Tensor:
        for axis in range(features.ndim - 1, 1, -1):
            features = features.unflatten(axis, (-1, 2)).amax(axis + 1)
        return features


class UpSampling(nn.Module):
    """Nearest-neighbour up-sampling by two and a 1^ndim convolution: (B, in, *S) -> (B, out, *2S).

    The two commute exactly, so the convolution runs first, on 2^ndim times fewer voxels. The block of 3^ndim
    convolutions that follows in the decoder does the smoothing.
    """

    def __init__(self, in_channels: int, out_channels: int, ndim: int) -> None:
        super().__init__()
        self.convolution = layers_of(ndim).convolution(in_channels, out_channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        return nn.functional.interpolate(self.convolution(features), scale_factor=2.0, mode="nearest")


def initialise(network: nn.Module) -> None:
    """Draw the weights for PReLU networks (He et al. 2015): every convolution keeps the variance of its input.

    Uses torch's global generator, so a seed set by the caller fixes the weights. Batch norm starts as the identity.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, a=PRELU_START, nonlinearity="leaky_relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
