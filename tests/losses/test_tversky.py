"""Tversky: by hand, beside plain NumPy, Dice as a special case, a finite gradient at perfection."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from ramify.losses.dice import dice_loss
from ramify.losses.term_settings import TverskySettings
from ramify.losses.tversky import STRAIGHT_BELOW, tversky_loss

SIZES = [(5, 7), (3, 4, 5)]


def line(*values: float) -> torch.Tensor:
    """One sample, one channel, one row (1, 1, 1, n)."""
    return torch.tensor(values).view(1, 1, 1, -1)


def random_case(size: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities and targets of 2 samples and 3 channels, one of them empty in the first sample."""
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(2, 3, *size, dtype=torch.float64, generator=generator)
    target = torch.rand(2, 3, *size, generator=generator) > 0.6
    target[0, 1] = False
    return probabilities, target


def plain_loss(p: np.ndarray, y: np.ndarray, alpha: float, beta: float, gamma: float, over_batch: bool) -> float:
    """Salehi et al. 2017 to the power of Abraham and Khan 2019, Eq. 4, with loops; ε as in the Dice of this project."""
    epsilon = 1e-5
    losses = []
    for samples in [slice(None)] if over_batch else [slice(0, 1), slice(1, 2)]:
        for channel in range(p.shape[1]):
            q, t = p[samples, channel], y[samples, channel].astype(float)
            tp, fp, fn = (q * t).sum(), (q * (1 - t)).sum(), ((1 - q) * t).sum()
            index = (2 * tp + epsilon) / (2 * (tp + alpha * fp + beta * fn) + epsilon)
            losses.append((1 - index) ** (1 / gamma))
    return float(np.mean(losses))


def test_by_hand():
    # TP 1.5, FP 0.25, FN 0.5
    prediction, target = line(0.5, 1.0, 0.25, 0.0), line(1.0, 1.0, 0.0, 0.0)
    loss = tversky_loss(prediction, target, alpha=0.2, beta=0.9)
    assert loss.item() == pytest.approx(1 - 1.5 / (1.5 + 0.2 * 0.25 + 0.9 * 0.5), abs=1e-5)
    focal = tversky_loss(prediction, target, alpha=0.2, beta=0.9, gamma=4 / 3)
    assert focal.item() == pytest.approx(0.25**0.75, abs=1e-5)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("over_batch", [False, True])
@pytest.mark.parametrize("gamma", [0.5, 1.0, 4 / 3, 3.0])
def test_equals_plain_numpy(size, over_batch, gamma):
    probabilities, target = random_case(size)
    loss = tversky_loss(probabilities, target, alpha=0.3, beta=0.7, gamma=gamma, over_batch=over_batch)
    expected = plain_loss(probabilities.numpy(), target.numpy(), 0.3, 0.7, gamma, over_batch)
    assert loss.item() == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("over_batch", [False, True])
@pytest.mark.parametrize("epsilon", [1e-5, 1.0])
def test_halves_are_dice(size, over_batch, epsilon):
    probabilities, target = random_case(size)
    half = {"alpha": 0.5, "beta": 0.5, "over_batch": over_batch, "epsilon": epsilon}
    same, dice = probabilities.clone().requires_grad_(), probabilities.clone().requires_grad_()
    ours, theirs = tversky_loss(same, target, **half), dice_loss(dice, target, over_batch=over_batch, epsilon=epsilon)
    ours.backward()
    theirs.backward()
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-14)
    assert torch.allclose(same.grad, dice.grad, rtol=0, atol=1e-14)


@pytest.mark.parametrize("size", [(3, 4), (2, 3, 2)])
@pytest.mark.parametrize("gamma", [0.5, 1.0, 4 / 3])
def test_gradient_in_double(size, gamma):
    probabilities, target = random_case(size)
    probabilities = (0.1 + 0.8 * probabilities).requires_grad_()
    for over_batch in (False, True):
        assert torch.autograd.gradcheck(
            lambda p, o=over_batch: tversky_loss(p, target, gamma=gamma, over_batch=o), (probabilities,)
        )


def test_beta_weighs_misses_and_alpha_false_alarms():
    miss, alarm, target = line(1.0, 0.0, 0.0, 0.0), line(1.0, 1.0, 1.0, 0.0), line(1.0, 1.0, 0.0, 0.0)
    assert tversky_loss(miss, target, alpha=0.3, beta=0.7) > tversky_loss(miss, target, alpha=0.7, beta=0.3)
    assert tversky_loss(alarm, target, alpha=0.3, beta=0.7) < tversky_loss(alarm, target, alpha=0.7, beta=0.3)
    assert tversky_loss(alarm, target, alpha=0.0, beta=1.0).item() == 0.0
    assert tversky_loss(miss, target, alpha=1.0, beta=0.0).item() == 0.0


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("gamma", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("over_batch", [False, True])
def test_perfect_and_empty_are_exactly_zero_with_a_finite_gradient(size, gamma, over_batch):
    _, target = random_case(size)
    for perfect in (target, torch.zeros_like(target), torch.ones_like(target)):
        probabilities = perfect.float().requires_grad_()
        loss = tversky_loss(probabilities, perfect, gamma=gamma, over_batch=over_batch)
        loss.backward()
        assert loss.item() == 0.0
        assert bool(torch.isfinite(probabilities.grad).all())


def test_false_alarm_on_an_empty_target_and_a_miss_cost_one():
    some, none = line(0.0, 1.0, 1.0), line(0.0, 0.0, 0.0)
    for gamma in (1.0, 4 / 3):
        assert tversky_loss(some, none, gamma=gamma).item() == pytest.approx(1.0, abs=1e-4)
        assert tversky_loss(none, some, gamma=gamma).item() == pytest.approx(1.0, abs=1e-4)


def test_the_straight_piece_joins_the_power_and_rises():
    # One voxel of target and p slightly below 1: 1 - TI is about beta (1 - p), from well below the seam to well above.
    gaps = torch.logspace(-9, -3, 200, dtype=torch.float64)
    values = torch.stack([tversky_loss((1 - gap).view(1, 1, 1), torch.ones(1, 1, 1), gamma=2.0) for gap in gaps])
    index = 0.7 * gaps / (1.0 + 0.5e-5)
    straight = index < STRAIGHT_BELOW / 2
    power = index > STRAIGHT_BELOW * 2
    assert bool((values.diff() > 0).all())
    assert torch.allclose(values[power], index[power].sqrt(), rtol=2e-3, atol=0)
    assert torch.allclose(values[straight], index[straight] / STRAIGHT_BELOW**0.5, rtol=2e-3, atol=0)


def test_the_power_is_taken_before_the_mean():
    probabilities, target = torch.zeros(1, 2, 4), torch.zeros(1, 2, 4)
    target[0, :, :2] = probabilities[0, 0, :2] = 1.0
    assert tversky_loss(probabilities, target, gamma=2.0).item() == pytest.approx(0.5, abs=1e-4)


def test_float32_for_half_precision_and_inside_autocast():
    target = torch.ones(1, 1, 70_000)
    for dtype in (torch.bfloat16, torch.float16):
        with torch.autocast("cpu", torch.bfloat16):
            loss = tversky_loss(torch.full_like(target, 0.5, dtype=dtype), target, alpha=0.5, beta=0.5)
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(1.0 - 1.0 / 1.5, abs=1e-5)


@pytest.mark.parametrize(
    ("probabilities", "target", "message"),
    [
        (torch.zeros(1, 1, 4), torch.zeros(1, 2, 4), r"shape \(1, 1, 4\) differs from the target's \(1, 2, 4\)"),
        (line(-0.5, 3.0), line(0.0, 1.0), r"expected \[0, 1\], got \[-0\.5, 3\]; pass logits through a sigmoid"),
        (line(0.5, float("nan")), line(0.0, 1.0), r"probabilities: expected \[0, 1\], got NaN"),
        (torch.zeros(1, 1, 4, dtype=torch.long), torch.zeros(1, 1, 4), "expected floating point numbers"),
    ],
)
def test_bad_tensors(probabilities, target, message):
    with pytest.raises(ValueError, match=message):
        tversky_loss(probabilities, target)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"alpha": -0.1}, r"alpha, beta: expected two numbers of at least 0, one of them above, got -0\.1 and 0\.7"),
        ({"alpha": 0.0, "beta": 0.0}, r"alpha, beta: expected .* got 0\.0 and 0\.0"),
        ({"beta": float("nan")}, "alpha, beta: expected .* got 0.3 and nan"),
        ({"gamma": 0.0}, r"gamma: expected a number above 0, got 0\.0; 1 is no focus"),
    ],
)
def test_bad_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        tversky_loss(line(0.5), line(1.0), **weights)
    with pytest.raises(ValidationError):
        TverskySettings(**weights)


def test_settings_are_the_arguments():
    loss = tversky_loss(line(0.5, 1.0), line(1.0, 1.0), **dict(TverskySettings()))
    assert loss.item() == pytest.approx(1 - 1.5 / (1.5 + 0.7 * 0.5), abs=1e-5)
