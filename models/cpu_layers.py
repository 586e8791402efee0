"""Convolution and PReLU as torch has them, by ways that are fast on the CPU too. No value changes.

What is recorded, to be exported or compiled, goes torch's own way: it must hold for other sizes and devices.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

_CONVOLVE = {2: functional.conv2d, 3: functional.conv3d}
ONEDNN_ABOVE = 20480  # torch's threshold for single images, on the product of the first four axes
LEAST_VOXELS = 4096  # below, torch's own convolution is no slower


def recorded() -> bool:
    """Whether the forward pass that runs is recorded: by torch.export, torch.compile or torch.jit.trace."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing()


def convolve(features: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    """Convolution that keeps the size: (B, in, *S) by a kernel (out, in, k, …), k odd -> (B, out, *S).

    On the CPU torch leaves two cases to a convolution of its own, which takes 3 to 5 times as long as oneDNN's and
    forgets the memory order: kernels of one voxel on a single thread, and single images with few channels. A dilation,
    which has no meaning for one voxel, and an image computed twice, of which one result is dropped, make oneDNN take
    them.
    """
    on_cpu = features.device.type == "cpu"
    if on_cpu and torch.is_autocast_enabled("cpu") and kernel.shape[-1] > 1 and tuple(features.shape[2:3]) == (2,):
        # oneDNN's gradient by a bfloat16 kernel is wrong, or NaN, where a volume has two voxels along its first axis.
        reduced = torch.get_autocast_dtype("cpu")
        with torch.autocast("cpu", enabled=False):
            return convolve(features.float(), kernel.float(), None if bias is None else bias.float()).to(reduced)
    on_cpu = on_cpu and not recorded()
    dilation = 2 if on_cpu and kernel.shape[-1] == 1 else 1
    small = on_cpu and features.shape[0] == 1 and features.shape[:4].numel() <= ONEDNN_ABOVE
    twice = small and features[0, 0].numel() >= LEAST_VOXELS
    result = _CONVOLVE[features.ndim - 2](
        torch.cat((features, features)) if twice else features,
        kernel,
        bias,
        padding=kernel.shape[-1] // 2,
        dilation=dilation,
    )
    return result[:1] if twice else result


class Convolution2d(nn.Conv2d):
    """`convolve` in 2D with weights of its own."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, kernel, padding=kernel // 2, bias=bias)

    def forward(self, features: Tensor) -> Tensor:
        return convolve(features, self.weight, self.bias)


class Convolution3d(nn.Conv3d):
    """`convolve` in 3D with weights of its own."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, kernel, padding=kernel // 2, bias=bias)

    def forward(self, features: Tensor) -> Tensor:
        return convolve(features, self.weight, self.bias)


def in_order_of(features: Tensor, kernel: Tensor) -> Tensor:
    """The features in the memory order of a kernel (of more than one channel): channels last where the kernel is.

    A single channel lies in both orders at once, and torch would go on in the other one.
    """
    if recorded() or kernel.is_contiguous():
        return features
    order = torch.channels_last if features.ndim == 4 else torch.channels_last_3d
    return torch.empty_like(features, memory_format=order).copy_(features)


class PReLU(nn.PReLU):
    """x where x > 0, else a x, with one learnt slope a; on the CPU with a backward pass in a third of torch's time."""

    def __init__(self, slope: float) -> None:
        super().__init__(init=slope)

    def forward(self, features: Tensor) -> Tensor:
        if features.device.type != "cpu" or recorded():
            return super().forward(features)
        activated: Tensor = _OneSlope.apply(features, self.weight)
        return activated


class _OneSlope(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, features: Tensor, slope: Tensor) -> Tensor:
        context.save_for_backward(features, slope)
        return functional.leaky_relu(features, slope.item())

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        features, slope = context.saved_tensors
        of_slope = features.clamp(max=0).mul_(gradient).sum(dtype=slope.dtype).view_as(slope)
        return torch.ops.aten.leaky_relu_backward(gradient, features, slope.item(), False), of_slope
