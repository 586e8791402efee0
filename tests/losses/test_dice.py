"""Soft Dice: by hand, exact ends, empty targets."""

import pytest
import torch
from pydantic import ValidationError

from ramify.losses.dice import dice_loss
from ramify.losses.term_settings import DiceSettings


def line(*values: float) -> torch.Tensor:
    """One sample, one channel, one row (1, 1, 1, n)."""
    return torch.tensor(values).view(1, 1, 1, -1)


def test_by_hand():
    # overlap 0.5 + 1, sums 0.5 + 1 + 0.25 and 2: 1 - 3 / 3.75
    loss = dice_loss(line(0.5, 1.0, 0.25, 0.0), line(1.0, 1.0, 0.0, 0.0))
    assert loss.item() == pytest.approx(0.2, abs=1e-5)


def test_epsilon_enters_both_sides():
    loss = dice_loss(line(0.5, 1.0, 0.25, 0.0), line(1.0, 1.0, 0.0, 0.0), epsilon=1.25)
    assert loss.item() == pytest.approx(1.0 - (3.0 + 1.25) / (3.75 + 1.25), abs=1e-6)


@pytest.mark.parametrize("over_batch", [False, True])
@pytest.mark.parametrize("size", [(5, 7), (3, 5, 7)])
def test_perfect_and_empty_are_exactly_zero(size, over_batch):
    target = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)) > 0.7
    target[0, 1] = False
    assert dice_loss(target.float(), target, over_batch=over_batch).item() == 0.0
    nothing = torch.zeros(2, 3, *size)
    assert dice_loss(nothing, nothing, over_batch=over_batch).item() == 0.0


def test_false_alarm_on_an_empty_target_and_a_miss_cost_one():
    some, none = line(0.0, 1.0, 1.0), line(0.0, 0.0, 0.0)
    assert dice_loss(some, none).item() == pytest.approx(1.0, abs=1e-4)
    assert dice_loss(none, some).item() == pytest.approx(1.0, abs=1e-4)


def test_empty_target_has_a_finite_gradient_that_lowers_the_prediction():
    probabilities = line(0.0, 0.0, 0.0).requires_grad_()
    dice_loss(probabilities, line(0.0, 0.0, 0.0)).backward()
    assert bool(torch.isfinite(probabilities.grad).all())
    assert bool((probabilities.grad > 0).all())


def test_per_sample_or_over_the_batch():
    probabilities = torch.cat((line(1.0, 0.0), line(1.0, 1.0)))
    target = torch.cat((line(0.0, 0.0), line(1.0, 1.0)))
    assert dice_loss(probabilities, target).item() == pytest.approx((1.0 + 0.0) / 2, abs=1e-4)
    assert dice_loss(probabilities, target, over_batch=True).item() == pytest.approx(1.0 - 4 / 5, abs=1e-5)


def test_channels_are_averaged():
    probabilities, target = torch.zeros(1, 2, 4), torch.zeros(1, 2, 4)
    target[0, 0] = probabilities[0, 0] = 1.0
    target[0, 1, 0] = 1.0
    assert dice_loss(probabilities, target).item() == pytest.approx(0.5, abs=1e-4)


def test_gradient_in_double():
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(2, 2, 3, 4, dtype=torch.float64, generator=generator).requires_grad_()
    target = torch.rand(2, 2, 3, 4, generator=generator) > 0.5
    for over_batch in (False, True):
        assert torch.autograd.gradcheck(lambda p, o=over_batch: dice_loss(p, target, over_batch=o), (probabilities,))


def test_float32_for_half_precision_and_inside_autocast():
    # 70,000 voxels: a sum in bfloat16 stops growing at 256, in float16 it overflows.
    target = torch.ones(1, 1, 70_000)
    for dtype in (torch.bfloat16, torch.float16):
        with torch.autocast("cpu", torch.bfloat16):
            loss = dice_loss(torch.full_like(target, 0.5, dtype=dtype), target)
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(1.0 - 1.0 / 1.5, abs=1e-5)


@pytest.mark.parametrize(
    ("probabilities", "target", "message"),
    [
        (torch.zeros(1, 1, 4), torch.zeros(1, 2, 4), r"shape \(1, 1, 4\) differs from the target's \(1, 2, 4\)"),
        (line(-0.5, 3.0), line(0.0, 1.0), r"expected \[0, 1\], got \[-0\.5, 3\]; pass logits through a sigmoid"),
        (line(0.5, float("nan")), line(0.0, 1.0), r"probabilities: expected \[0, 1\], got NaN"),
        (
            torch.zeros(1, 1, 4, dtype=torch.long),
            torch.zeros(1, 1, 4),
            "expected floating point numbers, got torch.int64",
        ),
        (torch.zeros(1, 1, 0), torch.zeros(1, 1, 0), r"at least one value, got \(1, 1, 0\)"),
    ],
)
def test_bad_arguments(probabilities, target, message):
    with pytest.raises(ValueError, match=message):
        dice_loss(probabilities, target)


def test_settings_out_of_range():
    with pytest.raises(ValidationError):
        DiceSettings(epsilon=0.0)
