"""Loss modules in a training of two processes: the loss and gradient of one that has the whole batch."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn.parallel import DistributedDataParallel

from tests.losses.modules.table import OVER_BATCH, labels_of, logits_for, module

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


def of_a_rank(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    found = train(DistributedDataParallel(network()), slice(2 * rank, 2 * rank + 2))
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_two_ranks_are_one_batch(tmp_path: Path):
    expected = train(network(), slice(4))
    mp.spawn(of_a_rank, (str(tmp_path),), nprocs=2)
    ranks = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    for name in set(TOGETHER) - {"DiceCrossEntropy"}:
        value, gradient = expected[name]
        for own_value, own_gradient in (rank[name] for rank in ranks):
            assert own_value == pytest.approx(value, rel=1e-5), name
            assert own_gradient == pytest.approx(gradient, rel=1e-3, abs=1e-6), name
    # A loss of samples is that of each rank's own; their gradients are averaged.
    name = "DiceCrossEntropy"
    assert ranks[0][name][0] != pytest.approx(ranks[1][name][0], rel=1e-3)
    assert ranks[0][name][1] == pytest.approx(ranks[1][name][1])
