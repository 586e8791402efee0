"""Several processes that train one network together, as torchrun starts them."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from ramify.losses.across_ranks import summed, world_size

Value = TypeVar("Value")


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together."""

    rank: int = 0
    world: int = 1

    @property
    def writes(self) -> bool:
        """Whether this is the one process that writes logs and checkpoints."""
        return self.rank == 0

    def gathered(self, value: Value) -> list[Value]:
        """The plain values of all ranks, in their order."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        dist.all_gather_object(values, value)
        return values

    def of_first(self, value: Value) -> Value:
        """The first rank's value, on every rank."""
        if self.world == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]

    def any_of(self, *flags: bool) -> tuple[bool, ...]:
        """Each flag, up where it is up on any rank."""
        if self.world == 1:
            return flags
        agreed = torch.tensor(flags, dtype=torch.int32, device="cuda" if dist.get_backend() == "nccl" else "cpu")
        dist.all_reduce(agreed, op=dist.ReduceOp.MAX)
        return tuple(bool(flag) for flag in agreed.tolist())


ALONE = Ranks()


def started_processes() -> int:
    """How many processes torchrun started to train together; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


@contextmanager
def joined_ranks(device: torch.device) -> Iterator[Ranks]:
    """Join the processes that torchrun started, for as long as the context lasts; alone without torchrun."""
    if started_processes() == 1 or not dist.is_available():
        yield ALONE
        return
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def distribute(network: nn.Module, synchronise_batch_norm: bool) -> nn.Module:
    """The network as every rank calls it in a training step; its weights are those of `network` itself.

    Args:
        network: on its device; its batch norms are replaced in place where they are to be synchronised.
        synchronise_batch_norm: mean and variance over all ranks, as if one process held the whole batch.
    """
    if world_size() == 1:
        return network
    if synchronise_batch_norm:
        _synchronise_batch_norms(network)
    # Weights without a gradient are looked for in every step: which there are depends on the network (some of MONAI's
    # have idle ones), on the loss (projections without a contrast) and on the batch, and one that is not expected stops
    # the training. The walk over the graph costs next to nothing beside a step; that there was none need not be said.
    warnings.filterwarnings("ignore", "find_unused_parameters=True was specified", UserWarning)
    # Of kernels of one voxel, whose order in memory is the same in two ways of writing it.
    warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides", UserWarning)
    return DistributedDataParallel(network, find_unused_parameters=True)


def _synchronise_batch_norms(network: nn.Module) -> None:
    # A norm itself may have no weights to tell where it is.
    on_cuda = any(weight.is_cuda for weight in network.parameters())
    for module in network.modules():
        for name, child in list(module.named_children()):
            if isinstance(child, _BatchNorm) and not isinstance(child, nn.SyncBatchNorm):
                setattr(module, name, nn.SyncBatchNorm.convert_sync_batchnorm(child) if on_cuda else _synced(child))


def _synced(norm: _BatchNorm) -> "SynchronisedBatchNorm":
    synced = SynchronisedBatchNorm(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
    synced.load_state_dict(norm.state_dict())
    return synced.train(norm.training)


class SynchronisedBatchNorm(_BatchNorm):
    """Batch norm over the values of all ranks, where torch's own needs CUDA."""

    def _check_input_dim(self, values: Tensor) -> None:
        """Any number of spatial axes will do."""

    def forward(self, values: Tensor) -> Tensor:
        """Normalise (B, C, *S) by its own statistics in training, by the running ones in evaluation.

        Of a type below float32 only input and output are; sums over a batch need more digits.
        """
        if not self.training:
            return super().forward(values)
        given = values.dtype
        values = values.to(torch.promote_types(given, torch.float32))
        axes = [axis for axis in range(values.ndim) if axis != 1]
        count = values.numel() / values.shape[1] * world_size()
        mean = summed(values.sum(axes)) / count
        shape = (1, -1, *[1] * (values.ndim - 2))
        centred = values - mean.view(shape)
        variance = summed((centred**2).sum(axes)) / count
        self._track(mean.detach(), variance.detach() * count / max(count - 1, 1))
        normalised = centred * torch.rsqrt(variance + self.eps).view(shape)
        if self.affine:
            normalised = normalised * self.weight.view(shape) + self.bias.view(shape)
        return normalised.to(given)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_(variance.to(self.running_var.dtype), share)
