"""Loss modules in a training of two processes: the loss and gradient of one that has the whole batch."""

from pathlib import Path

import pytest
import torch
from torch.nn.parallel import DistributedDataParallel

from tests.losses.modules.table import OVER_BATCH, labels_of, logits_for, module
from tests.two_ranks import on_two_ranks

# Two ranks draw apart.
TOGETHER = sorted(OVER_BATCH - {"TopoClDice"})


def train(network: torch.nn.Module, samples: slice) -> dict[str, tuple[float, list[float]]]:
    """Value and gradient of the network's weights of every loss."""
    labels = labels_of(samples=4)
    labels[3] = 0  # on the second rank, a sample without a vessel
    labels[1, :, 3:5] = 255  # on the first one, voxels that nobody knows
    images = logits_for(labels).detach()
    found = {}
    for name in TOGETHER:
        network.zero_grad()
        loss = module(
            name, to_onehot=True, drop_background=True, ignore_label=255, over_batch=name != "DiceCrossEntropy"
        )
        value = loss(network(images[samples]), labels[samples])
        value.backward()
        gradients = [weights.grad for weights in network.parameters() if weights.grad is not None]
        found[name] = value.item(), torch.cat([gradient.flatten() for gradient in gradients]).tolist()
    return found


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Conv2d(3, 3, 3, padding=1)


def of_a_rank(rank: int) -> dict[str, tuple[float, list[float]]]:
    return train(DistributedDataParallel(network()), slice(2 * rank, 2 * rank + 2))


def test_two_ranks_are_one_batch(tmp_path: Path):
    expected = train(network(), slice(4))
    ranks = on_two_ranks(of_a_rank, tmp_path)
    for name in set(TOGETHER) - {"DiceCrossEntropy"}:
        value, gradient = expected[name]
        for own_value, own_gradient in (rank[name] for rank in ranks):
            assert own_value == pytest.approx(value, rel=1e-5), name
            assert own_gradient == pytest.approx(gradient, rel=1e-3, abs=1e-6), name
    # A loss of samples is that of each rank's own; their gradients are averaged.
    name = "DiceCrossEntropy"
    assert ranks[0][name][0] != pytest.approx(ranks[1][name][0], rel=1e-3)
    assert ranks[0][name][1] == pytest.approx(ranks[1][name][1])
