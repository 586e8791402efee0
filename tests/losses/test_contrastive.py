"""The contrastive loss: by hand, against the paper's sum written out, and where that sum has nothing to sum over."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ramify.losses import contrastive
from ramify.losses.contrastive import contrastive_loss


def written_out(embeddings, labels, temperature: float) -> float:
    """Sadikine et al. 2023, Eq. 7 and 8, sum by sum."""
    embeddings = np.asarray(embeddings, dtype=float)
    means = []
    for i, own in enumerate(labels):
        positives = [j for j, label in enumerate(labels) if j != i and label == own]
        negatives = [k for k, label in enumerate(labels) if label != own]
        if not positives:
            continue
        denominator = sum(math.exp(embeddings[i] @ embeddings[k] / temperature) for k in negatives)
        pairs = []
        for j in positives:
            numerator = math.exp(embeddings[i] @ embeddings[j] / temperature)
            pairs.append(-math.log(numerator / (numerator + denominator)))
        means.append(sum(pairs) / len(positives))
    return sum(means) / len(means) if means else 0.0


def unit_vectors(n: int, channels: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(n, channels, generator=generator, dtype=dtype), dim=1)


def test_four_vectors_by_hand():
    # Labels 1, 1, 2, 2; products z1z2 = 1, z1z3 = z2z3 = 0, z1z4 = z2z4 = -1, z3z4 = 0.
    z = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    e = math.e
    of_first = -math.log(e / (e + 1.0 + 1.0 / e))  # and of the second: their vectors are one
    of_third = -math.log(1.0 / (1.0 + 1.0 + 1.0))
    of_fourth = -math.log(1.0 / (1.0 + 1.0 / e + 1.0 / e))
    expected = (2 * of_first + of_third + of_fourth) / 4
    assert contrastive_loss(z, torch.tensor([1, 1, 2, 2]), 1.0).item() == pytest.approx(expected, abs=1e-6)


def test_denominator_holds_one_positive():
    # Three equal positives and one opposite negative: other positives in the denominator would more than double it.
    z = torch.tensor([[1.0, 0.0]] * 3 + [[-1.0, 0.0]])
    expected = math.log(1.0 + math.exp(-2.0))
    assert contrastive_loss(z, torch.tensor([1, 1, 1, 2]), 1.0).item() == pytest.approx(expected, abs=1e-6)


def test_temperature_divides_the_products():
    z = torch.tensor([[1.0, 0.0]] * 2 + [[0.0, 1.0]])
    assert contrastive_loss(z, torch.tensor([1, 1, 2]), 0.5).item() == pytest.approx(math.log1p(math.exp(-2)), abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(st.integers(1, 4), min_size=0, max_size=24),
    channels=st.integers(1, 6),
    temperature=st.sampled_from([0.07, 0.5, 0.94, 3.0]),
    chunk=st.sampled_from([1, 40, 2**20]),
    seed=st.integers(0, 99),
)
def test_equals_the_sum_written_out(labels, channels, temperature, chunk, seed):
    z = unit_vectors(len(labels), channels, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contrastive, "CHUNK_CPU", chunk)
        value = contrastive_loss(z, torch.tensor(labels, dtype=torch.long), temperature).item()
    assert value == pytest.approx(written_out(z, labels, temperature), abs=1e-10, rel=1e-10)


def test_float32_equals_the_sum_written_out():
    z = unit_vectors(300, 16)
    labels = torch.randint(1, 4, (300,), generator=torch.Generator().manual_seed(1))
    assert contrastive_loss(z.float(), labels, 0.94).item() == pytest.approx(
        written_out(z, labels.tolist(), 0.94), rel=1e-6
    )


@pytest.mark.parametrize("chunk", [1, 10, 2**20])
@pytest.mark.parametrize("labels", [[1, 2, 1, 3, 2, 1, 1], [1, 1, 1, 2, 2, 3, 3], [5, 0, -1, 0, 5, 0, 0]])
def test_gradient_in_double(labels, chunk, monkeypatch):
    monkeypatch.setattr(contrastive, "CHUNK_CPU", chunk)
    z = unit_vectors(len(labels), 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: contrastive_loss(z, torch.tensor(labels), 0.3), (z,))


def test_gradient_passes_on_the_outer_factor():
    z = unit_vectors(6, 3).requires_grad_()
    labels = torch.tensor([1, 1, 2, 2, 3, 3])
    (once,) = torch.autograd.grad(contrastive_loss(z, labels, 0.5), z)
    (thrice,) = torch.autograd.grad(3.0 * contrastive_loss(z, labels, 0.5), z)
    torch.testing.assert_close(thrice, 3.0 * once)


def test_chunks_do_not_matter(monkeypatch):
    z = unit_vectors(101, 8).requires_grad_()
    labels = torch.arange(101) % 3
    results = []
    for chunk in (1, 977, 2**20):
        monkeypatch.setattr(contrastive, "CHUNK_CPU", chunk)
        loss = contrastive_loss(z, labels, 0.2)
        results.append((loss.detach(), torch.autograd.grad(loss, z)[0]))
    for loss, gradient in results[1:]:
        torch.testing.assert_close(loss, results[0][0])
        torch.testing.assert_close(gradient, results[0][1])


def test_order_of_anchors_does_not_matter():
    z, labels = unit_vectors(20, 4), torch.arange(20) % 3
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(contrastive_loss(z[order], labels[order], 0.5), contrastive_loss(z, labels, 0.5))


@pytest.mark.parametrize("temperature", [0.01, 1e-3, 1e-6])
def test_low_temperatures_stay_finite_and_right(temperature):
    # exp(1 / 0.01) overflows float32. In the limit l_ij is max(0, (largest negative - positive) / τ).
    z = unit_vectors(40, 4, dtype=torch.float32).requires_grad_()
    labels = torch.arange(40) % 3
    loss = contrastive_loss(z, labels, temperature)
    loss.backward()
    assert bool(torch.isfinite(z.grad).all())
    s = (z.detach().double() @ z.detach().double().T) / temperature
    other = labels[:, None] != labels
    largest = s.masked_fill(~other, -torch.inf).logsumexp(1, keepdim=True)
    pairs = torch.nn.functional.softplus(largest - s, threshold=1e9)
    pairs = torch.where((largest - s) > 30, largest - s, pairs)
    mine = ~other & ~torch.eye(40, dtype=torch.bool)
    expected = ((pairs * mine).sum(1) / mine.sum(1)).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_long_vectors_stay_finite():
    z = (unit_vectors(12, 4, dtype=torch.float32) * 1e3).requires_grad_()
    loss = contrastive_loss(z, torch.arange(12) % 3, 0.94)
    loss.backward()
    assert bool(torch.isfinite(loss))
    assert bool(torch.isfinite(z.grad).all())


@pytest.mark.parametrize("labels", [[], [1], [1, 2, 3], [2, 2, 2]], ids=["none", "one", "no positive", "no negative"])
def test_nothing_to_contrast_is_zero_with_a_gradient(labels):
    z = unit_vectors(len(labels), 3).requires_grad_()
    loss = contrastive_loss(z, torch.tensor(labels, dtype=torch.long), 0.94)
    loss.backward()
    assert loss.item() == 0.0
    assert torch.equal(z.grad, torch.zeros_like(z))


def test_anchor_without_a_positive_is_left_out_of_the_mean_but_repels():
    z = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], requires_grad=True)
    loss = contrastive_loss(z, torch.tensor([1, 1, 2]), 1.0)
    loss.backward()
    assert loss.item() == pytest.approx(math.log1p(math.exp(-1.0)), abs=1e-6)  # the mean over two, not three
    assert float(z.grad[2].norm()) > 0.1


def test_pulls_positives_and_pushes_negatives():
    z = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [-0.6, 0.8]], requires_grad=True)
    contrastive_loss(z, torch.tensor([1, 1, 2, 2]), 0.5).backward()
    step = torch.nn.functional.normalize(z.detach() - 0.1 * z.grad, dim=1)
    products, before = step @ step.T, z.detach() @ z.detach().T
    assert products[0, 1] > before[0, 1]
    assert products[1, 2] < before[1, 2]


def test_float32_inside_autocast_and_for_half_precision():
    z = unit_vectors(60, 16, dtype=torch.float32)
    labels = torch.arange(60) % 3
    expected = contrastive_loss(z, labels, 0.05)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(contrastive_loss(z, labels, 0.05), expected)
    half = z.bfloat16().requires_grad_()
    loss = contrastive_loss(half, labels, 0.05)
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.equal(loss, contrastive_loss(half.detach().float(), labels, 0.05))
    assert half.grad.dtype == torch.bfloat16


def test_without_gradient():
    z, labels = unit_vectors(9, 4), torch.arange(9) % 3
    with torch.no_grad():
        value = contrastive_loss(z.clone().requires_grad_(), labels, 0.5)
    assert not value.requires_grad
    torch.testing.assert_close(value, contrastive_loss(z, labels, 0.5))


def test_memory_does_not_grow_with_the_square(monkeypatch):
    # Every product of rows and columns that is formed, by watching the largest tensor the loss makes.
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            nonlocal largest
            result = func(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                largest = max(largest, result.numel())
            return result

    monkeypatch.setattr(contrastive, "CHUNK_CPU", 4096)
    z, labels = unit_vectors(600, 4).requires_grad_(), torch.arange(600) % 3
    with Watch():
        contrastive_loss(z, labels, 0.5)
    assert 0 < largest <= 600 * 8  # twice the embeddings; all products would be 360,000


@pytest.mark.parametrize(
    ("embeddings", "labels", "temperature", "message"),
    [
        (torch.zeros(3), torch.zeros(3, dtype=torch.long), 1.0, r"embeddings: expected floats \(N, E\), got .* \(3,\)"),
        (torch.zeros(3, 2, dtype=torch.long), torch.zeros(3, dtype=torch.long), 1.0, "embeddings: expected floats"),
        (torch.zeros(3, 2), torch.zeros(4, dtype=torch.long), 1.0, r"labels: expected integers \(3,\).*got .* \(4,\)"),
        (torch.zeros(3, 2), torch.zeros(3), 1.0, "labels: expected integers"),
        (
            torch.zeros(3, 2),
            torch.zeros(3, dtype=torch.long),
            0.0,
            r"temperature: expected a positive number, got 0\.0",
        ),
        (torch.zeros(3, 2), torch.zeros(3, dtype=torch.long), math.nan, "temperature: expected a positive number"),
    ],
)
def test_bad_arguments(embeddings, labels, temperature, message):
    with pytest.raises(ValueError, match=message):
        contrastive_loss(embeddings, labels, temperature)


def written_out_by_weights(z, labels, temperature: float, balanced: bool, beta: float) -> torch.Tensor:
    """The same with weighed negatives, and a mean over labels or anchors, by autograd."""
    products = z @ z.T / temperature
    same = labels[:, None] == labels
    weights = torch.softmax((beta * products).masked_fill(same, -torch.inf), 1) * (~same).sum(1, keepdim=True)
    mass = (weights * products.exp()).sum(1, keepdim=True)
    positives = same & ~torch.eye(len(z), dtype=torch.bool)
    of_anchors = (torch.log1p(mass / products.exp()) * positives).sum(1) / positives.sum(1)
    if not balanced:
        return of_anchors.mean()
    return torch.stack([of_anchors[labels == label].mean() for label in labels.unique()]).mean()


@pytest.mark.parametrize("chunk", [1, 40, 2**20])
@pytest.mark.parametrize(("balanced", "beta"), [(True, 0.0), (False, 0.7), (True, 2.0)])
def test_balance_and_hard_negatives_are_the_sum_written_out(balanced, beta, chunk, monkeypatch):
    monkeypatch.setattr(contrastive, "CHUNK_CPU", chunk)
    labels = torch.tensor([3, 1, 1, 2, 1, 3, 2, 1, 1])
    results = []
    for loss in (
        lambda z: contrastive_loss(z, labels, 0.4, balanced=balanced, hard_negatives=beta),
        lambda z: written_out_by_weights(z, labels, 0.4, balanced, beta),
    ):
        z = unit_vectors(9, 4).requires_grad_()
        value = loss(z)
        results.append((value.detach(), torch.autograd.grad(value, z)[0]))
    torch.testing.assert_close(results[0], results[1], rtol=1e-10, atol=1e-12)


def test_balanced_leaves_out_a_label_without_a_positive():
    z, labels = unit_vectors(5, 3), torch.tensor([1, 1, 2, 3, 3])
    of_labels = [contrastive_loss(z[order], labels[order], 0.5, 2) for order in ([0, 1, 2, 3, 4], [3, 4, 0, 1, 2])]
    torch.testing.assert_close(contrastive_loss(z, labels, 0.5, balanced=True), sum(of_labels) / 2)


def test_hard_negatives_at_a_low_temperature_stay_finite():
    z = unit_vectors(40, 4, dtype=torch.float32).requires_grad_()
    loss = contrastive_loss(z, torch.arange(40) % 3, 1e-3, hard_negatives=3.0)
    loss.backward()
    assert loss.isfinite()
    assert z.grad is not None
    assert z.grad.isfinite().all()


def test_a_share_below_zero_is_refused():
    with pytest.raises(ValueError, match="hard_negatives: expected a number of at least 0, got -1"):
        contrastive_loss(unit_vectors(2, 2), torch.tensor([1, 2]), 0.5, hard_negatives=-1)
