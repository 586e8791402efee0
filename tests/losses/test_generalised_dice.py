"""Generalised Dice: by hand, beside MONAI's, exact ends, classes that are not there."""

import pytest
import torch
from monai.losses.dice import GeneralizedDiceLoss
from pydantic import ValidationError

from ramify.losses.generalised_dice import generalised_dice_loss
from ramify.losses.term_settings import GeneralisedDiceSettings


def line(*values: float) -> torch.Tensor:
    """One sample, one channel, one row (1, 1, 1, n)."""
    return torch.tensor(values, dtype=torch.float64).view(1, 1, 1, -1)


def exclusive(size: tuple[int, ...], classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities and target of `classes` and, first, their background; two samples (2, 1 + classes, *size)."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 1 + classes, *size, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 1 + classes, (2, *size), generator=generator)
    one_hot = torch.nn.functional.one_hot(labels, 1 + classes).movedim(-1, 1)
    return logits.softmax(1), one_hot.double()


def test_by_hand():
    # One class of 1 voxel and a background of 3, weights 1 and 1/9: overlaps 0.5 and 2, sums 1 + 1 and 3 + 3.
    loss = generalised_dice_loss(line(0.5, 0.5, 0.0, 0.0), line(1.0, 0.0, 0.0, 0.0), epsilon=1e-9)
    assert loss.item() == pytest.approx(1.0 - 2.0 * (0.5 + 2.5 / 9.0) / (2.0 + 6.0 / 9.0), abs=1e-8)


def test_without_the_background_one_class_is_dice():
    loss = generalised_dice_loss(line(0.5, 0.5, 0.0), line(1.0, 0.0, 0.0), complement=False)
    assert loss.item() == pytest.approx(1.0 - 2.0 * 0.5 / 2.0, abs=1e-5)


def test_an_error_costs_in_inverse_proportion_to_its_class():
    small, large = torch.zeros(1, 1, 1, 40), torch.zeros(1, 1, 1, 40)
    small[..., :2], large[..., 2:22] = 1.0, 1.0
    target = torch.cat([small, large], dim=1)
    misses = []
    for channel, voxel in ((0, 0), (1, 10)):
        probabilities = target.clone()
        probabilities[:, channel, :, voxel] = 0.0
        misses.append(generalised_dice_loss(probabilities, target, complement=False, epsilon=1e-9).item())
    assert misses[0] > 20.0 * misses[1]


@pytest.mark.parametrize("size", [(9, 11), (5, 6, 7)])
@pytest.mark.parametrize("over_batch", [False, True])
def test_beside_monai(size, over_batch):
    probabilities, target = exclusive(size)
    theirs = GeneralizedDiceLoss(smooth_nr=0.0, smooth_dr=0.0, batch=over_batch)(probabilities, target)
    for with_background, first in ((False, 0), (True, 1)):
        ours = generalised_dice_loss(
            probabilities[:, first:],
            target[:, first:],
            complement=with_background,
            over_batch=over_batch,
            epsilon=1e-12,
        )
        assert ours.item() == pytest.approx(theirs.item(), abs=1e-9)


@pytest.mark.parametrize("over_batch", [False, True])
@pytest.mark.parametrize("complement", [False, True])
@pytest.mark.parametrize("size", [(5, 7), (3, 5, 7)])
def test_perfect_and_empty_are_exactly_zero(size, complement, over_batch):
    choices = {"complement": complement, "over_batch": over_batch}
    target = exclusive(size)[1][:, 1:]
    target[0, 1] = 0.0
    assert generalised_dice_loss(target, target, **choices).item() == 0.0
    nothing, everything = torch.zeros(2, 1, *size), torch.ones(2, 1, *size)
    assert generalised_dice_loss(nothing, nothing, **choices).item() == 0.0
    assert generalised_dice_loss(everything, everything, **choices).item() == 0.0


def test_a_false_alarm_of_an_absent_class_costs_and_has_a_finite_gradient():
    target = torch.cat([line(1.0, 1.0, 0.0, 0.0), line(0.0, 0.0, 0.0, 0.0)], dim=1)
    probabilities = torch.cat([line(1.0, 1.0, 0.0, 0.0), line(0.0, 0.0, 0.8, 0.0)], dim=1).requires_grad_()
    loss = generalised_dice_loss(probabilities, target, complement=False, epsilon=1e-9)
    loss.backward()
    assert loss.item() == pytest.approx(1.0 - 4.0 / 4.8, abs=1e-6)  # the absent class weighs as the rarest
    assert bool((probabilities.grad[0, 1] > 0).all())
    assert bool(torch.isfinite(probabilities.grad).all())


def test_epsilon_is_in_voxels_whatever_the_size_of_the_patch():
    def loss(repeats: int) -> float:
        probabilities, target = line(0.5, 0.0).repeat(1, 1, repeats, 1), line(1.0, 0.0).repeat(1, 1, repeats, 1)
        return generalised_dice_loss(probabilities, target).item()

    assert loss(2000) == pytest.approx(loss(2), abs=1e-5)


def test_per_sample_or_over_the_batch():
    probabilities, target = exclusive((4, 5))
    whole = generalised_dice_loss(probabilities, target, complement=False)
    apart = [generalised_dice_loss(p[None], y[None], complement=False) for p, y in zip(probabilities, target)]
    assert whole.item() == pytest.approx(sum(apart).item() / 2.0, abs=1e-12)
    joined = [values.movedim(0, 1).flatten(1, 2)[None] for values in (probabilities, target)]
    over_batch = generalised_dice_loss(probabilities, target, complement=False, over_batch=True)
    assert over_batch.item() == pytest.approx(generalised_dice_loss(*joined, complement=False).item(), abs=1e-12)


@pytest.mark.parametrize("complement", [False, True])
def test_gradient(complement):
    probabilities, target = (values[:, 1:, :3, :2].clone() for values in exclusive((4, 5)))

    def loss(values: torch.Tensor) -> torch.Tensor:
        return generalised_dice_loss(values, target, complement=complement)

    assert torch.autograd.gradcheck(loss, (probabilities.requires_grad_(),))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_counts_in_float32(dtype):
    target = torch.zeros(1, 1, 300, 300, dtype=dtype)
    target[..., :40] = 1.0
    assert generalised_dice_loss(target, target).item() == 0.0


def test_settings_are_the_keyword_arguments():
    # Which voxels nobody knows is told by the truth, and no setting.
    assert {**dict(GeneralisedDiceSettings()), "mask": None} == generalised_dice_loss.__kwdefaults__
    with pytest.raises(ValidationError):
        GeneralisedDiceSettings(epsilon=0.0)


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [(line(0.0, 1.0), "differs from the target's"), (line(0.0, -2.0, 0.0), "pass logits through")],
)
def test_bad_input(probabilities, message):
    with pytest.raises(ValueError, match=message):
        generalised_dice_loss(probabilities, line(1.0, 0.0, 0.0))


def test_the_complement_was_called_a_background():
    with pytest.raises(ValidationError, match="include_background: it is called complement now"):
        GeneralisedDiceSettings.model_validate({"include_background": True})
