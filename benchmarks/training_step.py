"""A training step as train.py takes it, on phantom vessels: what the benchmarks of losses and networks measure."""

import itertools
from collections.abc import Callable

import torch

from benchmarks.loss_inputs import phantom_vessels
from ramify.losses.settings import LossSettings
from ramify.losses.total import TotalLoss
from ramify.losses.truth import Truth
from ramify.models.build import build_network, place_network
from ramify.models.settings import ModelSettings
from ramify.tasks.formulation import Tasks
from ramify.training.device import autocast
from ramify.vessels.tube import tubed_skeleton

Size = tuple[int, int, int]


def training_step(
    model: ModelSettings,
    loss: LossSettings,
    n_scales: int,
    size: tuple[int, ...],
    batch: int,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Callable[[], None]:
    """Network, loss, gradient and update as one call; kernels are compiled and algorithms chosen when this returns.

    Args:
        n_scales: into which the vessels are cut, S.
        size: of each volume, voxels; of two axes for a plane.
        batch: volumes.
        dtype: of the network's arithmetic.
    """
    where = torch.device(device)
    total = TotalLoss(loss, Tasks.of(model.tasks, n_scales), head=model.contrast.head)
    network = place_network(build_network(model, 1, n_scales, len(size)), where)
    optimiser = torch.optim.AdamW(network.parameters())

    turns = itertools.cycle(range(len(total.tasks.auxiliary)) if total.in_turn else [None])

    def step(image: torch.Tensor, truth: Truth) -> None:
        turn = next(turns)
        optimiser.zero_grad(set_to_none=True)
        with autocast(where, dtype):
            outputs = network(image) if turn is None else network(image, turn)
        total(outputs, truth, torch.Generator().manual_seed(0), turn=turn)["total"].backward()
        optimiser.step()

    # A small volume compiles what is compiled; only on CUDA are algorithms chosen anew for each size.
    small = max(32, 2 * max(network.size_multiples))
    step(*phantom_batch(tuple(min(edge, small) for edge in size), n_scales, batch, where))
    image, truth = phantom_batch(size, n_scales, batch, where)
    if device == "cuda":
        step(image, truth)
    return lambda: step(image, truth)


def phantom_batch(size: tuple[int, ...], n_scales: int, batch: int, device: torch.device) -> tuple[torch.Tensor, Truth]:
    """Phantom vessels in noise, image (B, 1, *S), cut into slabs of one scale each."""
    vessels = torch.from_numpy(phantom_vessels(size))
    tube = torch.from_numpy(tubed_skeleton(vessels.numpy()))
    slab = torch.arange(size[0]) * n_scales // size[0] + 1
    scale_map = (vessels * slab.view(-1, *[1] * (len(size) - 1))).expand(batch, *size).contiguous()
    image = vessels.float() + 0.3 * torch.randn(size, generator=torch.Generator().manual_seed(0))
    spacing = torch.ones(batch, len(size))
    truth = Truth(scale_map.to(device), tube.expand(batch, *size).contiguous().to(device), spacing.to(device))
    return image.expand(batch, 1, *size).contiguous().to(device), truth
