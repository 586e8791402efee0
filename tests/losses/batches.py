"""Batches as networks and loaders give them: logits and projections at random, and a scale map."""

from typing import NamedTuple

import torch

from tests.asked import counts_of

COUNTS = counts_of(900, 10, 40, 50)
"""Of background and three scales."""


class Outputs(NamedTuple):
    """What the total loss takes for a network's outputs."""

    logits: torch.Tensor
    projections: tuple[torch.Tensor, ...]
    deep_logits: tuple[torch.Tensor, ...] = ()
    auxiliary_logits: tuple[torch.Tensor, ...] = ()


def batch(channels: int, scales: int = 3, ndim: int = 2, projections: int = 0) -> tuple[Outputs, torch.Tensor]:
    """Outputs (2, channels, 8, 8[, 8]) and a scale map of 0 to `scales`."""
    generator = torch.Generator().manual_seed(0)
    size = (8,) * ndim
    logits = torch.randn(2, channels, *size, generator=generator).requires_grad_()
    projected = tuple(
        torch.nn.functional.normalize(torch.randn(2, 5, *(2,) * ndim, generator=generator), dim=1).requires_grad_()
        for _ in range(projections)
    )
    return Outputs(logits, projected), torch.randint(0, 1 + scales, (2, *size), generator=generator, dtype=torch.uint8)
