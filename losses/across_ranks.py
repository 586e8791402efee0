"""Sums and batches over all processes of a distributed training, with gradients; in a single process, nothing happens.

Every rank computes the loss of the whole batch from them, and the gradients that DistributedDataParallel averages are
then those of one process that held the whole batch.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from ramify.losses.host_rows import rows_of


def world_size() -> int:
    """Number of processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def joined_batch(values: Tensor) -> Tensor:
    """The batches (B, ...) of all ranks as one (world * B, ...), in the order of the ranks."""
    if world_size() == 1:
        return values
    joined: Tensor = _Joined.apply(values)
    return joined


def joined_on_host(values: Tensor, device: torch.device) -> Tensor:
    """`joined_batch` in host memory of values in host memory; those of other ranks come by way of the device."""
    return values if world_size() == 1 else joined_batch(values.to(device)).cpu()


def summed(values: Tensor) -> Tensor:
    """The sum of a tensor over all ranks."""
    if world_size() == 1:
        return values
    total: Tensor = _Summed.apply(values)
    return total


def chosen_rows(values: Tensor, chosen: Tensor) -> Tensor:
    """Rows of the values (N, E) of all ranks, by their numbers in the order of the ranks, the same on every rank.

    Only they are sent, not all that they are chosen from. Every rank has as many rows as the others.

    chosen: int64 in host memory.
    """
    if world_size() == 1:
        return rows_of(values, chosen)
    first = dist.get_rank() * len(values)
    own = ((chosen >= first) & (chosen < first + len(values))).nonzero().squeeze(1)
    places = (own.to(values.device, non_blocking=True),)
    rows = rows_of(values, chosen[own] - first)
    return summed(values.new_zeros(len(chosen), values.shape[1]).index_put(places, rows))


class _Joined(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        ctx.batch = len(values)
        parts = [torch.empty_like(values, memory_format=torch.contiguous_format) for _ in range(world_size())]
        dist.all_gather(parts, values.contiguous())
        return torch.cat(parts)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> Tensor:
        # A copy: what arrives may be shared with other parts of the graph, and is reduced in place.
        outer = outer.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(outer)
        return outer.narrow(0, dist.get_rank() * ctx.batch, ctx.batch)


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> Tensor:
        outer = outer.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(outer)
        return outer
