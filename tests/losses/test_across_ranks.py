"""Sums and batches of two processes, with the gradients that one process would have."""

from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from ramify.losses.across_ranks import joined_batch, summed


def gradients_of_summands(rank: int, folder: str) -> None:
    """Both operations, of two tensors whose gradients are one and the same tensor on its way back."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    found = {}
    for operation in (joined_batch, summed):
        one, other = (torch.ones(1, 3, requires_grad=True) for _ in range(2))
        joined = operation(one) + operation(other)
        (joined * torch.full_like(joined, 5.0)).sum().backward()
        assert one.grad is not None
        assert other.grad is not None
        found[operation.__name__] = one.grad.tolist(), other.grad.tolist()
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_a_gradient_that_two_summands_share_reaches_each_of_them_once(tmp_path: Path):
    mp.spawn(gradients_of_summands, (str(tmp_path),), nprocs=2)
    for rank in range(2):
        for name, (one, other) in torch.load(tmp_path / f"{rank}.pt").items():
            assert one == other == [[10.0] * 3], name
