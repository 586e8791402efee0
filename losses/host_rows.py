"""Rows of a tensor by numbers that the host knows: they are sent along, and the host waits for nothing."""

import torch
from torch import Tensor


def rows_of(values: Tensor, numbers: Tensor) -> Tensor:
    """values[numbers], (N, ...), for int64 (N,) in host memory and values wherever they are.

    Indexed by them as they are, a GPU's values would have the host wait until all that was given to the GPU is done.
    """
    return values[numbers.to(values.device, non_blocking=True)]


def rows_with(values: Tensor, labels: Tensor, label: int) -> Tensor:
    """The rows whose label, (N,) in host memory, is that one, in order."""
    return rows_of(values, torch.nonzero(labels == label).squeeze(1))
