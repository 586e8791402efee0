"""Centreline cross-entropy: by hand, beside loops in NumPy, exact ends, what it sees."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from ramify.losses.centreline_cross_entropy import centreline_cross_entropy_loss
from ramify.losses.term_settings import CentrelineCrossEntropySettings
from ramify.losses.voxel_cross_entropy import voxel_cross_entropy
from tests.losses.test_soft_cldice import numpy_skeleton, seeded, vessel

SIZES = [(7, 9), (4, 5, 6)]


def test_by_hand():
    # A vessel of one voxel's width is its own skeleton, and so is its prediction, at 0.8.
    target = torch.zeros(1, 1, 3, 5)
    target[..., 1, :] = 1.0
    loss = centreline_cross_entropy_loss(0.8 * target, target, iterations=1)
    assert loss.item() == pytest.approx((5 + 5 * 0.8) * -np.log(0.8) / 15, abs=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_beside_numpy(size):
    probabilities, target = seeded((2, 2, *size)), (seeded((2, 2, *size), 1) > 0.5).double()
    target[0, 1] = 0.0
    total = 0.0
    for p, y in zip(probabilities.flatten(0, 1).numpy(), target.flatten(0, 1).numpy()):
        entropy = -(y * np.log(p) + (1 - y) * np.log(1 - p))
        total += (entropy * (numpy_skeleton(y, 3, "cvpr") + numpy_skeleton(p, 3, "cvpr"))).mean()
    loss = centreline_cross_entropy_loss(probabilities, target, iterations=3)
    assert loss.item() == pytest.approx(total / 4, abs=1e-12)


def test_one_class_is_the_softmax_of_two():
    """As the authors have it: cross-entropy of two logits, times the skeleton of the second's probability."""
    logits, target = seeded((2, 2, 9, 9)) * 4.0 - 2.0, (seeded((2, 1, 9, 9), 1) > 0.5).double()
    probabilities = logits.softmax(1)[:, 1:]
    labels = target[:, 0].long()
    entropy = torch.nn.functional.cross_entropy(logits, labels, reduction="none").numpy()
    skeletons = [
        numpy_skeleton(p, 4, "cvpr") + numpy_skeleton(y, 4, "cvpr")
        for p, y in zip(probabilities[:, 0].numpy(), target[:, 0].numpy())
    ]
    loss = centreline_cross_entropy_loss(probabilities, target, iterations=4)
    assert loss.item() == pytest.approx((entropy * np.array(skeletons)).mean(), abs=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_gradient(size):
    probabilities = (0.05 + 0.9 * seeded((1, 2, *size[:-1], 3))).requires_grad_()
    target = seeded((1, 2, *size[:-1], 3), 1) > 0.5

    def loss(values: torch.Tensor) -> torch.Tensor:
        return centreline_cross_entropy_loss(values, target, iterations=2)

    assert torch.autograd.gradcheck(loss, (probabilities,))


@pytest.mark.parametrize("size", SIZES)
def test_perfect_and_empty_are_exactly_zero_with_a_finite_gradient(size):
    target = (seeded((2, 2, *size)) > 0.6).float()
    target[0, 0], target[0, 1] = 0.0, 1.0
    probabilities = target.clone().requires_grad_()
    loss = centreline_cross_entropy_loss(probabilities, target)
    loss.backward()
    assert loss.item() == 0.0
    assert bool(torch.isfinite(probabilities.grad).all())


def test_classes_are_averaged():
    probabilities, target = seeded((2, 3, 8, 8)), seeded((2, 3, 8, 8), 1) > 0.5
    each = [centreline_cross_entropy_loss(probabilities[:, [c]], target[:, [c]]).item() for c in range(3)]
    assert centreline_cross_entropy_loss(probabilities, target).item() == pytest.approx(np.mean(each), abs=1e-12)


def test_the_middle_of_a_gap_costs_and_the_rim_does_not():
    target = vessel()
    gap, rim = 0.9 * target + 0.05, 0.9 * target + 0.05
    gap[..., 7, 30] = 0.05
    rim[..., 5, 30] = 0.05
    sound, broken, chipped = (
        centreline_cross_entropy_loss(0.9 * target + 0.05 if p is None else p, target, iterations=5).item()
        for p in (None, gap, rim)
    )
    assert broken - sound > 4.0 * abs(chipped - sound)


def test_a_sure_miss_keeps_its_gradient():
    """Of a logit of -60, p = 9e-27: the gradient by the logit is that of cross-entropy, -1 a voxel of the skeleton."""
    logits = torch.full((1, 1, 3, 3), -60.0, requires_grad=True)
    target = torch.zeros(1, 1, 3, 3)
    target[..., 1, :] = 1.0
    centreline_cross_entropy_loss(logits.sigmoid(), target, iterations=1).backward()
    torch.testing.assert_close(logits.grad[0, 0, 1], torch.full((3,), -1.0 / 9.0))


def test_cross_entropy_of_voxels_at_the_ends():
    p, y = torch.tensor([0.0, 1.0, 1.0, 0.0, 0.25]), torch.tensor([0.0, 1.0, 0.0, 1.0, 1.0])
    values = voxel_cross_entropy(p, y)
    assert values[:2].tolist() == [0.0, 0.0]
    assert bool(torch.isfinite(values).all())
    assert bool((values[2:4] > 16.0).all())
    assert values[4].item() == pytest.approx(np.log(4.0), abs=1e-6)


def test_settings_are_the_keyword_arguments():
    assert dict(CentrelineCrossEntropySettings()) | {"mask": None} == centreline_cross_entropy_loss.__kwdefaults__
    with pytest.raises(ValidationError):
        CentrelineCrossEntropySettings(iterations=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probabilities": torch.full((1, 1, 4, 4), -2.0)}, "pass logits through"),
        ({"probabilities": torch.ones(1, 1, 4, 5)}, "differs from the target's"),
        ({"target": torch.full((1, 1, 4, 4), 2.0)}, "target: expected"),
        ({"iterations": 0}, "iterations: expected an integer of at least 1"),
        ({"probabilities": torch.ones(1, 1, 4), "target": torch.ones(1, 1, 4)}, "expected .B, C, H, W."),
    ],
)
def test_bad_input(change, message):
    arguments = {"probabilities": torch.ones(1, 1, 4, 4), "target": torch.ones(1, 1, 4, 4)} | change
    with pytest.raises(ValueError, match=message):
        centreline_cross_entropy_loss(**arguments)
