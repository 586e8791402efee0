"""Sums and batches of two processes, with the gradients that one process would have."""

from pathlib import Path

import torch
from torch.nn.functional import normalize

from ramify.losses.across_ranks import joined_batch, summed
from ramify.losses.anchor_settings import AnchorSettings
from ramify.losses.contrastive import contrastive_loss
from ramify.losses.shared_anchors import sample_shared_anchors
from tests.two_ranks import on_two_ranks


def gradients_of_summands(rank: int) -> dict[str, tuple[list[list[float]], list[list[float]]]]:
    """Both operations, of two tensors whose gradients are one and the same tensor on its way back."""
    found = {}
    for operation in (joined_batch, summed):
        one, other = (torch.ones(1, 3, requires_grad=True) for _ in range(2))
        joined = operation(one) + operation(other)
        (joined * torch.full_like(joined, 5.0)).sum().backward()
        assert one.grad is not None
        assert other.grad is not None
        found[operation.__name__] = one.grad.tolist(), other.grad.tolist()
    return found


def contrast_of(part: slice) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss of anchors that all scales share, drawn from all ranks, and its gradient by this rank's projection."""
    generator = torch.Generator().manual_seed(0)
    projection = normalize(torch.randn(4, 3, 4, 4, generator=generator), dim=1)[part].requires_grad_()
    scales = torch.randint(0, 3, (4, 8, 8), generator=generator)
    scales[1, 2:] = 0
    wrong = torch.rand(scales.shape, generator=generator) < 0.2
    settings = AnchorSettings(cap=12, errors=0.5, near_background=1)
    draws = torch.Generator().manual_seed(1)
    anchors = sample_shared_anchors(projection, scales[part], 2, settings, draws, wrong[part])
    loss = contrastive_loss(*anchors, 0.3, balanced=True)
    loss.backward()
    assert projection.grad is not None
    return loss.detach(), projection.grad


def contrast_of_a_rank(rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    return contrast_of(slice(2 * rank, 2 * rank + 2))


def test_shared_anchors_of_two_ranks_are_those_of_the_whole_batch(tmp_path: Path):
    expected, gradient = contrast_of(slice(4))
    for rank, (loss, own) in enumerate(on_two_ranks(contrast_of_a_rank, tmp_path)):
        torch.testing.assert_close(loss, expected)
        # Summed over the ranks, of which distributed training takes the mean.
        torch.testing.assert_close(own / 2, gradient[2 * rank : 2 * rank + 2])


def test_a_gradient_that_two_summands_share_reaches_each_of_them_once(tmp_path: Path):
    for of_rank in on_two_ranks(gradients_of_summands, tmp_path):
        for name, (one, other) in of_rank.items():
            assert one == other == [[10.0] * 3], name
