"""Anchors of past steps stand for a larger batch."""

import pytest
import torch
from torch.nn.functional import normalize
from torch.overrides import TorchFunctionMode

from ramify.losses.contrastive import contrastive_loss
from ramify.losses.memory_bank import MemoryBank


def anchors(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(1, 4, (count,), generator=generator)
    return normalize(torch.randn(count, 5, generator=generator, dtype=torch.float64), dim=1), labels


def written_out(embeddings: torch.Tensor, labels: torch.Tensor, temperature: float, count: int) -> torch.Tensor:
    """Sadikine et al. 2023, Eq. 7 and 8, for the first `count` embeddings as anchors, by autograd."""
    products = embeddings[:count] @ embeddings.T / temperature
    same = labels[:count, None] == labels
    mass = products.masked_fill(same, -torch.inf).logsumexp(1, keepdim=True)
    positives = same & ~torch.eye(len(embeddings), dtype=torch.bool)[:count]
    sums = (torch.nn.functional.softplus(mass - products) * positives).sum(1)
    counted = positives.any(1)
    return (sums[counted] / positives.sum(1)[counted]).mean()


@pytest.mark.parametrize("chunk", [1, 40, 2**20])
def test_the_contrast_with_the_bank_is_the_mean_over_the_present_anchors(chunk, monkeypatch):
    monkeypatch.setattr("ramify.losses.contrastive.CHUNK_CPU", chunk)
    first, second, present = (anchors(count, seed) for count, seed in ((20, 0), (17, 1), (11, 2)))
    bank = MemoryBank(100)
    bank.push(*first)
    bank.push(*second)
    results = []
    for contrast in (contrastive_loss, written_out):
        moved = present[0].clone().requires_grad_()
        loss = contrast(*bank.joined(moved, present[1]), 0.5, 11)
        results.append((loss.detach(), torch.autograd.grad(loss, moved)[0]))
    torch.testing.assert_close(results[0], results[1], rtol=1e-10, atol=1e-12)


def test_an_anchor_whose_only_positives_are_remembered_counts():
    vectors, _ = anchors(4, 0)
    labels = torch.tensor([1, 2, 1, 2])
    loss = contrastive_loss(vectors, labels, 0.5, 2)
    torch.testing.assert_close(loss, written_out(vectors, labels, 0.5, 2))
    assert contrastive_loss(vectors, labels, 0.5, 0) == 0


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


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"x": torch.zeros(1, 5)}, "by the number of their scale, got 'x'"),
        ({"1": "text"}, "expected the anchors of scale 1 as floats"),
        ({"1": torch.zeros(1, 5, dtype=torch.long)}, "expected the anchors of scale 1 as floats"),
        ({"1": torch.zeros(9, 5)}, "9 anchors of scale 1, it keeps 4"),
    ],
)
def test_a_state_that_no_bank_gave_is_refused(state, message):
    with pytest.raises(ValueError, match=message):
        MemoryBank(4).load_state_dict(state)


def test_anchors_of_another_network_are_refused():
    bank = MemoryBank(4)
    bank.load_state_dict({"1": torch.zeros(2, 3)})
    with pytest.raises(ValueError, match=r"expected anchors of 5 numbers .*, got 3"):
        bank.joined(*anchors(2, 4))


def test_a_bank_keeps_no_graph():
    embeddings, labels = anchors(4, 0)
    bank = MemoryBank(4)
    bank.push(embeddings.requires_grad_() * 2, labels)
    assert not bank.joined(torch.zeros(0, 5), labels[:0])[0].requires_grad


def test_a_bank_for_nothing_is_refused():
    with pytest.raises(ValueError, match="capacity: expected at least 1 anchor a scale, got 0"):
        MemoryBank(0)


class CatOfOneDevice(TorchFunctionMode):
    """Types stand in for devices: as torch joins no tensors of two devices, here it joins none of two types."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.cat and len({part.dtype for part in args[0]}) > 1:
            raise RuntimeError("Expected all tensors to be on the same device")
        return function(*args, **(kwargs or {}))


def test_a_restored_bank_follows_its_new_anchors_to_their_device():
    bank, again = MemoryBank(4), MemoryBank(4)
    embeddings, labels = anchors(9, 3)
    bank.push(embeddings.float(), labels)
    again.load_state_dict(bank.state_dict())
    with CatOfOneDevice():
        again.push(*anchors(2, 4))
        again.joined(*anchors(2, 5))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA")
def test_a_restored_bank_goes_on_on_the_gpu():
    bank, again = MemoryBank(4), MemoryBank(4)
    bank.push(*(values.cuda() for values in anchors(9, 3)))
    again.load_state_dict(bank.state_dict())
    again.push(*(values.cuda() for values in anchors(2, 4)))
    assert all(values.is_cuda for values in again.joined(*(values.cuda() for values in anchors(2, 5))))
