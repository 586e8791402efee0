"""What every loss asks of its tensors: float32 or better inside, equal shapes, probabilities in [0, 1]."""

import math

import torch
from torch import Tensor


def at_least_float32(values: Tensor) -> Tensor:
    """The tensor itself if it is float32 or float64, otherwise as float32; differentiable."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def check_same_shape(name: str, values: Tensor, target: Tensor) -> None:
    """Raise ValueError unless two tensors share their shape, of at least (batch, channel) and not empty."""
    if values.shape != target.shape:
        raise ValueError(f"{name}: shape {tuple(values.shape)} differs from the target's {tuple(target.shape)}")
    if values.ndim < 2 or values.numel() == 0:
        raise ValueError(f"{name}: expected (batch, channel, …) with at least one value, got {tuple(values.shape)}")
    if not values.is_floating_point():
        raise ValueError(f"{name}: expected floating point numbers, got {values.dtype}")


def check_probabilities(probabilities: Tensor, target: Tensor) -> None:
    """Raise ValueError unless both are (B, C, *S) alike and not empty, and the probabilities are floats in [0, 1].

    Costs one pass. Logits are found by their range.
    """
    check_same_shape("probabilities", probabilities, target)
    check_unit_range("probabilities", probabilities)


def check_unit_range(name: str, values: Tensor) -> None:
    """Raise ValueError unless all values, of which there is one at least, lie in [0, 1]."""
    low, high = (value.item() for value in values.detach().aminmax())
    if math.isnan(low):
        raise ValueError(f"{name}: expected [0, 1], got NaN; look for a network or a loss that has diverged")
    if not (low >= 0.0 and high <= 1.0):
        raise ValueError(
            f"{name}: expected [0, 1], got [{low:g}, {high:g}]; pass logits through a sigmoid or softmax first"
        )
