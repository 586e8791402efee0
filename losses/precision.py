"""Losses are computed in float32 or better, whatever the type of what they are given."""

import torch
from torch import Tensor


def at_least_float32(values: Tensor) -> Tensor:
    """The tensor itself if it is float32 or float64, otherwise as float32; differentiable."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
