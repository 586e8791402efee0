"""The soft skeleton by PyTorch's own pooling, and what to try it on."""

from collections.abc import Callable

import torch
from torch.nn import functional


def by_autograd(image: torch.Tensor, iterations: int, variant: str, known: torch.Tensor | None = None) -> torch.Tensor:
    """Shit et al. 2021, Algorithm 1 (or Paetzold et al. 2019, Algorithm 2) by pooling; autograd does the rest.

    What is unknown is in no minimum and in no maximum.
    """
    known = torch.ones_like(image, dtype=torch.bool) if known is None else known.expand_as(image)
    axes = range(image.ndim - 2)
    pool = functional.max_pool3d if len(axes) == 3 else functional.max_pool2d

    def erode(values: torch.Tensor) -> torch.Tensor:
        windows = [tuple(3 if other == axis else 1 for other in axes) for axis in axes]
        values = values.where(known, 2.0)
        eroded, *others = (-pool(-values, window, 1, tuple(n // 2 for n in window)) for window in windows)
        for other in others:
            eroded = torch.min(eroded, other)
        return eroded

    def residue(values: torch.Tensor) -> torch.Tensor:
        return torch.relu(values - pool(erode(values).where(known, -1.0), 3, 1, 1))

    skeleton = residue(image)
    for _ in range(iterations):
        image = erode(image)
        delta = residue(image)
        skeleton = skeleton + ((1 - skeleton) if variant == "cvpr" else skeleton) * delta
    return skeleton.where(known, 0.0)


def values_in(shape: tuple[int, ...], levels: int | None, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Random values in [0, 1]; rounded to so many levels, which ties most windows. One level: a constant."""
    values = torch.rand(shape, generator=torch.Generator().manual_seed(len(shape) + shape[-1]), dtype=dtype)
    if levels == 1:
        return torch.full_like(values, 0.3)
    return values if levels is None else (values * (levels - 1)).round() / (levels - 1)


def gradient_of(function: Callable[[torch.Tensor], torch.Tensor], image: torch.Tensor, outer: torch.Tensor):
    """Value and gradient."""
    image = image.clone().requires_grad_()
    value = function(image)
    (gradient,) = torch.autograd.grad(value, image, outer.to(value.dtype))
    return value.detach(), gradient
