"""Centreline boundary Dice: the paper's own examples, beside plain NumPy, what it sees that clDice does not."""

import itertools

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.ndimage import binary_dilation, binary_erosion
from skimage.morphology import skeletonize

from ramify.losses import cbdice
from ramify.losses.cbdice import cbdice_loss
from ramify.losses.term_settings import CbDiceSettings
from tests.losses.test_boundary import plain_distance

SIZES = [(9, 11), (6, 7, 8)]


def picture(*boxes: tuple[int, int, int, int]) -> torch.Tensor:
    """Filled boxes (first row, beyond the last, first column, beyond the last) on a grid of 9 x 17, (1, 1, 9, 17)."""
    mask = torch.zeros(1, 1, 9, 17)
    for top, bottom, left, right in boxes:
        mask[..., top:bottom, left:right] = 1.0
    return mask


def random_case(size: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Probabilities, targets and spacings of 2 samples and 2 channels, one of them empty in the first sample."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 2, *[side // 2 + 1 for side in size], dtype=torch.float64, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=size, mode="trilinear" if len(size) == 3 else "bilinear")
    target = smooth + 0.2 * torch.rand(2, 2, *size, dtype=torch.float64, generator=generator) > 0.55
    target[0, 1] = False
    return smooth, target, 0.5 + torch.rand(2, len(size), generator=generator)


def plain_skeleton(mask: np.ndarray, iterations: int) -> np.ndarray:
    """What every erosion loses on opening, on a binary mask: Shit et al. 2021, Algorithm 1."""
    cross, box = None, np.ones((3,) * mask.ndim, bool)
    skeleton = np.zeros_like(mask)
    for _ in range(iterations + 1):
        eroded = binary_erosion(mask, cross, border_value=1)
        skeleton |= mask & ~binary_dilation(eroded, box)
        mask = eroded
    return skeleton


def plain_weights(mask, spacing, iterations, inverse):
    """S, D, R and I of one mask, voxel by voxel."""
    skeleton = plain_skeleton(mask, iterations)
    distance = np.maximum(-plain_distance(mask, spacing), 0.0)
    on = [distance[voxel] for voxel in zip(*np.nonzero(skeleton))]
    greatest, least = (max(on), min(on)) if on else (1.0, 1.0)
    radius, weight = np.zeros(mask.shape), np.zeros(mask.shape)
    for voxel in zip(*np.nonzero(skeleton)):
        radius[voxel] = distance[voxel] / greatest
        thin = (
            greatest / distance[voxel] if inverse == "reciprocal" else (greatest - distance[voxel] + least) / greatest
        )
        weight[voxel] = thin ** (mask.ndim - 1)
    return skeleton, np.minimum(distance, greatest) / greatest, radius, weight


def plain_cbdice(p, target, spacing, iterations, inverse, smooth) -> float:
    """1 - cl-MIN-Dice of one volume (Shi et al. 2024), with p in the predicted weights as published."""
    s_p, d_p, r_p, i_p = plain_weights(p > 0.5, spacing, iterations, inverse)
    s_l, d_l, r_l, i_l = plain_weights(target, spacing, iterations, inverse)
    q_vp, q_spvp, q_sp = d_p * p, r_p * p, i_p * p
    precision = ((q_sp * d_l).sum() + smooth) / ((q_sp * q_spvp * ~s_l).sum() + (q_sp * r_l).sum() + smooth)
    sensitivity = ((i_l * q_vp).sum() + smooth) / ((i_l * r_l * ~s_p).sum() + (i_l * q_spvp).sum() + smooth)
    return 1.0 - 2.0 * precision * sensitivity / (precision + sensitivity)


# The overview figure of Shi et al. 2024: a label, two predictions, and the cbDice printed beside them.
FIGURE = [
    (picture((2, 7, 2, 15)), picture((2, 7, 2, 8), (1, 6, 8, 15)), 0.837),  # a half moved by one voxel
    (picture((2, 7, 2, 15)), picture((2, 7, 2, 8), (0, 5, 8, 15)), 0.632),  # by two
    (picture((3, 7, 2, 15)), picture((3, 6, 2, 15)), 0.974),  # one voxel too thin
    (picture((3, 7, 2, 15)), picture((2, 7, 2, 15)), 0.958),  # one too thick
    (picture((2, 7, 2, 9), (3, 6, 9, 15)), picture((2, 7, 2, 9)), 0.587),  # the thick part alone
    (picture((2, 7, 2, 9), (3, 6, 9, 15)), picture((3, 6, 9, 15)), 0.730),  # the thin part alone
]


@pytest.mark.parametrize(("target", "prediction", "printed"), FIGURE)
def test_the_values_printed_in_the_paper(monkeypatch, target, prediction, printed):
    def thinned(masks, iterations, variant, mask):
        return torch.from_numpy(skeletonize(masks[0, 0].numpy() > 0)).to(masks.dtype)[None, None]

    # They were computed with scikit-image's skeletons and a small constant.
    monkeypatch.setattr(cbdice, "unchecked_soft_skeleton", thinned)
    assert cbdice_loss(prediction, target, smooth=1e-3).item() == pytest.approx(1.0 - printed, abs=5e-4)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("inverse", ["reciprocal", "linear"])
def test_equals_plain_numpy(size, inverse):
    probabilities, target, spacing = random_case(size)
    for rows in (None, spacing):
        loss = cbdice_loss(probabilities, target, spacing_mm=rows, iterations=4, inverse=inverse)
        sizes = np.ones(spacing.shape) if rows is None else rows.double().numpy()
        expected = [
            plain_cbdice(probabilities[b, c].numpy(), target[b, c].numpy(), sizes[b], 4, inverse, 1.0)
            for b, c in itertools.product(range(2), range(2))
        ]
        assert loss.item() == pytest.approx(np.mean(expected), abs=1e-5)


@pytest.mark.parametrize("size", [(6, 7), (4, 4, 5)])
def test_gradient_in_double(size):
    probabilities, target, spacing = random_case(size)
    # No probability near a half, where the mask, and with it the loss, jumps.
    probabilities = torch.where((probabilities - 0.5).abs() < 0.01, 0.6, probabilities).clamp(0.1, 0.9)
    for sample, inverse in ((0, "linear"), (1, "reciprocal")):
        one = slice(sample, sample + 1)
        assert torch.autograd.gradcheck(
            lambda p, i=inverse, s=one: cbdice_loss(p, target[s, 1:], spacing_mm=spacing[s], iterations=3, inverse=i),
            (probabilities[one, 1:].clone().requires_grad_(),),
        )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("inverse", ["reciprocal", "linear"])
@pytest.mark.parametrize("over_batch", [False, True])
def test_perfect_and_empty_are_exactly_zero_with_a_finite_gradient(size, inverse, over_batch):
    _, target, _ = random_case(size)
    for perfect in (target, torch.zeros_like(target), torch.ones_like(target)):
        probabilities = perfect.float().requires_grad_()
        loss = cbdice_loss(probabilities, perfect, inverse=inverse, over_batch=over_batch)
        loss.backward()
        assert loss.item() == 0.0
        assert bool(torch.isfinite(probabilities.grad).all())


def test_a_miss_and_a_false_alarm_near_one():
    vessel, nothing = picture((3, 6, 2, 15)), picture()
    assert cbdice_loss(nothing, vessel, smooth=1e-3).item() == pytest.approx(1.0, abs=1e-3)
    assert cbdice_loss(vessel, nothing, smooth=1e-3).item() == pytest.approx(1.0, abs=1e-3)
    assert cbdice_loss(vessel, picture((7, 9, 2, 15)), smooth=1e-3).item() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("full_prediction", [False, True])
def test_a_mask_that_fills_its_volume_is_safe(full_prediction):
    vessel, full = picture((3, 6, 2, 15)), torch.ones(1, 1, 9, 17)
    prediction, target = (full, vessel) if full_prediction else (vessel, full)
    prediction = prediction.clone().requires_grad_()
    loss = cbdice_loss(prediction, target)
    loss.backward()
    assert bool(torch.isfinite(loss))
    assert bool(torch.isfinite(prediction.grad).all())


def test_moving_a_vessel_costs_though_its_centreline_stays_inside():
    target = picture((2, 7, 2, 15))
    costs = [cbdice_loss(picture((2 - shift, 7 - shift, 2, 15)), target).item() for shift in (0, 1, 2)]
    assert costs[0] == 0.0
    assert costs[1] > 0.1
    assert costs[2] > costs[1] + 0.1


def test_in_millimetres_only_proportions_count():
    probabilities, target, spacing = random_case(SIZES[1])
    loss = cbdice_loss(probabilities, target, spacing_mm=spacing)
    assert cbdice_loss(probabilities, target, spacing_mm=4.0 * spacing).item() == pytest.approx(loss.item(), abs=1e-9)
    assert cbdice_loss(probabilities, target).item() != pytest.approx(loss.item(), abs=1e-4)


def test_what_lies_below_a_half_has_no_gradient():
    target, moved = picture((2, 7, 2, 15)), picture((1, 6, 2, 15))
    unsure, sure = (0.4 * moved).requires_grad_(), (0.6 * moved).requires_grad_()
    cbdice_loss(unsure, target).backward()
    cbdice_loss(sure, target).backward()
    assert bool((unsure.grad == 0).all())
    assert bool((sure.grad != 0).any())


def test_where_the_skeletons_agree_p_cancels():
    target = picture((3, 6, 2, 15))
    sure = (0.6 * target).requires_grad_()
    cbdice_loss(sure, target).backward()
    assert bool((sure.grad == 0).all())


def test_the_loss_can_fall_below_zero():
    # Each is divided by its own greatest radius, so a small prediction can lie deeper in the label than it is thick.
    target, prediction = torch.zeros(1, 1, 13, 24), torch.zeros(1, 1, 13, 24)
    target[..., 7:9, 17:20] = target[..., 9:12, 4:18] = 1.0
    prediction[..., 0:13, 0:21] = prediction[..., 9:11, 3:6] = prediction[..., 2:12, 18:20] = 1.0
    assert cbdice_loss(prediction, target).item() < -0.1


def test_every_channel_and_sample_by_itself_or_over_the_batch():
    probabilities, target, _ = random_case(SIZES[0])
    apart = [
        cbdice_loss(probabilities[b : b + 1, c : c + 1], target[b : b + 1, c : c + 1]).item()
        for b, c in itertools.product(range(2), range(2))
    ]
    assert cbdice_loss(probabilities, target).item() == pytest.approx(np.mean(apart), abs=1e-12)
    twice = torch.cat((probabilities[:1], probabilities[:1])), torch.cat((target[:1], target[:1]))
    assert cbdice_loss(*twice, over_batch=True, smooth=2.0).item() == pytest.approx(
        cbdice_loss(probabilities[:1], target[:1], smooth=1.0).item(), abs=1e-12
    )


def test_float32_for_half_precision_and_inside_autocast():
    target = picture((2, 7, 2, 15))
    expected = cbdice_loss(0.75 * picture((1, 6, 2, 15)), target).item()
    for dtype in (torch.bfloat16, torch.float16):
        with torch.autocast("cpu", torch.bfloat16):
            loss = cbdice_loss((0.75 * picture((1, 6, 2, 15))).to(dtype), target)
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("probabilities", "target", "message"),
    [
        (picture()[:, :, 1:], picture(), r"shape \(1, 1, 8, 17\) differs from the target's \(1, 1, 9, 17\)"),
        (picture() - 0.5, picture(), r"expected \[0, 1\], got \[-0\.5, -0\.5\]; pass logits through a sigmoid"),
        (picture() * float("nan"), picture(), r"probabilities: expected \[0, 1\], got NaN"),
        (picture().long(), picture(), "expected floating point numbers"),
        (torch.zeros(1, 1, 4), torch.zeros(1, 1, 4), r"expected \(B, C, H, W\) or \(B, C, D, H, W\), got \(1, 1, 4\)"),
    ],
)
def test_bad_tensors(probabilities, target, message):
    with pytest.raises(ValueError, match=message):
        cbdice_loss(probabilities, target)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inverse": "cubic"}, "inverse: expected one of reciprocal, linear, got 'cubic'"),
        ({"smooth": 0.0}, r"smooth: expected a number above 0, got 0\.0"),
        ({"iterations": 0}, "iterations"),
        ({"spacing_mm": torch.ones(1, 3)}, r"spacing_mm: expected shape \(1, 2\), .* got \(1, 3\)"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        cbdice_loss(picture(), picture(), **arguments)


def test_settings_are_the_arguments():
    target = picture((2, 7, 2, 15))
    assert cbdice_loss(target, target, **dict(CbDiceSettings())).item() == 0.0
    for wrong in ({"smooth": 0.0}, {"iterations": 0}, {"inverse": "cubic"}):
        with pytest.raises(ValidationError):
            CbDiceSettings(**wrong)
