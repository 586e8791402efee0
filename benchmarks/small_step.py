"""A small training step, timed: for processes in which nothing of ours has set OpenMP's variables before."""

import statistics
import time

import torch

from ramify.models import MultiTaskResUNet, place_network


def step_seconds(steps: int, side: int) -> float:
    """Median time of a training step of the multi-task network on two patches of `side` voxels each way."""
    network = place_network(MultiTaskResUNet(levels=3), "cpu")
    optimiser = torch.optim.AdamW(network.parameters())
    image = torch.randn(2, 1, side, side, side)
    seconds = []
    for _ in range(steps):
        began = time.perf_counter()
        network(image).logits.square().mean().backward()
        optimiser.step()
        optimiser.zero_grad()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)
