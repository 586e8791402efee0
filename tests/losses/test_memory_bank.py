"""Anchors of past steps stand for a larger batch."""

import pytest
import torch
from torch.nn.functional import normalize

from losses.contrastive import contrastive_loss
from losses.memory_bank import MemoryBank


def anchors(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(1, 4, (count,), generator=generator)
    return normalize(torch.randn(count, 5, generator=generator, dtype=torch.float64), dim=1), labels


def test_the_loss_with_the_bank_is_that_of_the_larger_batch():
    first, second, present = (anchors(count, seed) for count, seed in ((20, 0), (17, 1), (11, 2)))
    bank = MemoryBank(100)
    bank.push(*first)
    bank.push(*second)
    moved = present[0].clone().requires_grad_()
    loss = contrastive_loss(*bank.joined(moved, present[1]), 0.5)
    larger = torch.cat((present[0], first[0], second[0])).requires_grad_()
    expected = contrastive_loss(larger, torch.cat((present[1], first[1], second[1])), 0.5)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=1e-12)
    loss.backward()
    expected.backward()
    # The present anchors are pulled as they would be there; those of the past stay where they were.
    torch.testing.assert_close(moved.grad, larger.grad[:11], rtol=1e-12, atol=1e-12)


def test_the_oldest_make_room_for_the_newest_of_their_scale():
    bank = MemoryBank(3)
    for value in range(5):
        bank.push(torch.full((1, 2), float(value)), torch.tensor([1]))
    bank.push(torch.full((1, 2), 9.0), torch.tensor([2]))
    embeddings, labels = bank.joined(torch.zeros(0, 2), torch.zeros(0, dtype=torch.long))
    assert embeddings[:, 0].tolist() == [2.0, 3.0, 4.0, 9.0]
    assert labels.tolist() == [1, 1, 1, 2]


def test_an_empty_bank_changes_nothing():
    embeddings, labels = anchors(6, 0)
    joined, joined_labels = MemoryBank(4).joined(embeddings, labels)
    assert torch.equal(joined, embeddings)
    assert torch.equal(joined_labels, labels)


def test_a_bank_goes_on_from_its_state():
    bank, again = MemoryBank(4), MemoryBank(4)
    bank.push(*anchors(9, 3))
    again.load_state_dict(bank.state_dict())
    for one, other in zip(bank.joined(*anchors(2, 4)), again.joined(*anchors(2, 4)), strict=True):
        assert torch.equal(one, other)


def test_a_bank_keeps_no_graph():
    embeddings, labels = anchors(4, 0)
    bank = MemoryBank(4)
    bank.push(embeddings.requires_grad_() * 2, labels)
    assert not bank.joined(torch.zeros(0, 5), labels[:0])[0].requires_grad


def test_a_bank_for_nothing_is_refused():
    with pytest.raises(ValueError, match="capacity: expected at least 1 anchor a scale, got 0"):
        MemoryBank(0)
