"""Weighted cross-entropy: by hand, extreme logits, the weight from how rare the foreground is."""

import math

import pytest
import torch

from ramify.losses.cross_entropy import balanced_weight, binary_cross_entropy, categorical_cross_entropy

LOG_3 = math.log(3.0)  # the logit of probability 3/4


def test_binary_by_hand():
    logits = torch.tensor([[[LOG_3, -LOG_3, LOG_3, 0.0]]])
    target = torch.tensor([[[1.0, 1.0, 0.0, 0.0]]])
    # -log p of the truth: 3/4, 1/4 in the foreground (weight 5), 1/4, 1/2 in the background
    expected = -(5 * (math.log(3 / 4) + math.log(1 / 4)) + math.log(1 / 4) + math.log(1 / 2)) / 4
    assert binary_cross_entropy(logits, target, 5.0).item() == pytest.approx(expected, rel=1e-6)


def test_categorical_by_hand():
    # softmax of log 1, log 2, log 5 is 1/8, 2/8, 5/8
    logits = torch.tensor([1.0, 2.0, 5.0]).log().view(1, 3, 1).expand(1, 3, 4)
    labels = torch.tensor([[0, 1, 2, 2]])
    expected = -(math.log(1 / 8) + 2 * math.log(2 / 8) + 4 * 2 * math.log(5 / 8)) / 4
    assert categorical_cross_entropy(logits, labels, (1.0, 2.0, 4.0)).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("size", [(4, 5), (3, 4, 5)])
def test_equal_torchs_own_without_weights(size):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 4, *size, generator=generator)
    labels = torch.randint(0, 4, (2, *size), generator=generator, dtype=torch.uint8)
    expected = torch.nn.functional.cross_entropy(logits, labels.long())
    torch.testing.assert_close(categorical_cross_entropy(logits, labels), expected)
    target = torch.rand(2, 4, *size, generator=generator) > 0.5
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, target.float())
    torch.testing.assert_close(binary_cross_entropy(logits, target), expected)


def test_two_exclusive_classes_equal_one_mask():
    # The softmax of (0, x) is the sigmoid of x, and the weights mean the same.
    logits = torch.randn(2, 1, 6, generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[0, 1, 1, 0, 0, 1], [1, 0, 0, 0, 1, 0]])
    both = torch.cat((torch.zeros_like(logits), logits), dim=1)
    torch.testing.assert_close(
        categorical_cross_entropy(both, mask, (1.0, 7.0)), binary_cross_entropy(logits, mask[:, None].float(), 7.0)
    )


def test_extreme_logits_stay_finite():
    logits = torch.tensor([[[1e4, -1e4]]], requires_grad=True)
    loss = binary_cross_entropy(logits, torch.tensor([[[0.0, 1.0]]]))
    loss.backward()
    assert loss.item() == pytest.approx(1e4)
    assert bool(torch.isfinite(logits.grad).all())
    assert categorical_cross_entropy(torch.tensor([[[1e4], [-1e4]]]), torch.tensor([[1]])).item() == pytest.approx(2e4)


def test_gradient_in_double():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, dtype=torch.float64, generator=generator).requires_grad_()
    labels = torch.randint(0, 3, (2, 4), generator=generator)
    assert torch.autograd.gradcheck(lambda x: categorical_cross_entropy(x, labels, (1.0, 2.0, 3.0)), (logits,))
    assert torch.autograd.gradcheck(lambda x: binary_cross_entropy(x, torch.ones(2, 3, 4), 3.0), (logits,))


def test_float32_for_half_precision_and_inside_autocast():
    logits = torch.randn(1, 2, 50, generator=torch.Generator().manual_seed(0)).bfloat16()
    target, labels = torch.ones(1, 2, 50), torch.ones(1, 50, dtype=torch.long)
    with torch.autocast("cpu", torch.bfloat16):
        binary = binary_cross_entropy(logits, target, 2.0)
        categorical = categorical_cross_entropy(logits, labels)
    assert torch.equal(binary, binary_cross_entropy(logits.float(), target, 2.0))
    assert torch.equal(categorical, categorical_cross_entropy(logits.float(), labels))


@pytest.mark.parametrize(
    ("foreground", "voxels", "weight"), [(1, 101, 10.0), (50, 100, 1.0), (90, 100, 1.0), (0, 100, 1.0), (100, 100, 1.0)]
)
def test_balanced_weight(foreground, voxels, weight):
    assert balanced_weight(foreground, voxels) == pytest.approx(weight)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: binary_cross_entropy(torch.zeros(1, 1, 4), torch.zeros(1, 1, 5)),
            r"\(1, 1, 4\) differs .* \(1, 1, 5\)",
        ),
        (lambda: binary_cross_entropy(torch.zeros(1, 1, 4), torch.zeros(1, 1, 4), 0.0), "positive number, got 0"),
        (lambda: categorical_cross_entropy(torch.zeros(1, 3, 4), torch.zeros(1, 5, dtype=torch.int)), "differs"),
        (lambda: categorical_cross_entropy(torch.zeros(1, 3, 1), torch.tensor([[3]])), r"expected 0 … 2 .* got 3 … 3"),
        (
            lambda: categorical_cross_entropy(torch.zeros(1, 3, 1), torch.tensor([[0]]), (1.0, 1.0)),
            "expected 3 of them",
        ),
        (
            lambda: categorical_cross_entropy(torch.zeros(1, 2, 0), torch.zeros(1, 0, dtype=torch.int)),
            "at least one value",
        ),
        (lambda: balanced_weight(5, 4), r"foreground_voxels: expected 0 … 4, got 5"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
