"""Soft-clDice: by hand, beside numpy, what it sees that Dice does not, and where nothing is."""

import inspect
import warnings

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from ramify.losses.dice import dice_loss
from ramify.losses.soft_cldice import dice_soft_cldice_loss, soft_cldice_loss
from ramify.losses.term_settings import DiceSoftClDiceSettings, SoftClDiceSettings


def seeded(shape: tuple[int, ...], seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def vessel(*gap: int) -> torch.Tensor:
    """(1, 1, 15, 60) with a horizontal vessel five wide, without the columns in `gap`."""
    mask = torch.zeros(1, 1, 15, 60)
    mask[..., 5:10, 2:58] = 1.0
    mask[..., list(gap)] = 0.0
    return mask


def numpy_skeleton(image: np.ndarray, iterations: int, variant: str) -> np.ndarray:
    """Shit et al. 2021, Algorithm 1, of one channel: windows cut off at the border, voxel by voxel."""

    def pool(values: np.ndarray, cross: bool, best) -> np.ndarray:
        pooled = np.empty_like(values)
        for place in np.ndindex(values.shape):
            steps = [np.array(step) - 1 for step in np.ndindex((3,) * values.ndim)]
            around = [tuple(place + step) for step in steps if not cross or np.abs(step).sum() <= 1]
            pooled[place] = best(values[p] for p in around if all(0 <= i < n for i, n in zip(p, values.shape)))
        return pooled

    def residue(values: np.ndarray) -> np.ndarray:
        return np.maximum(values - pool(pool(values, True, min), False, max), 0.0)

    skeleton = residue(image)
    for _ in range(iterations):
        image = pool(image, True, min)
        skeleton = skeleton + (1 - skeleton if variant == "cvpr" else skeleton) * residue(image)
    return skeleton


def numpy_loss(
    p: np.ndarray, y: np.ndarray, k: int, smooth: float, variant: str = "cvpr", over_batch: bool = False
) -> float:
    """Shit et al. 2021, Algorithm 2, of (B, C, *S)."""

    def skeletons(volumes: np.ndarray) -> np.ndarray:
        of_each = [[numpy_skeleton(channel, k, variant) for channel in sample] for sample in volumes]
        return np.array(of_each).reshape(*volumes.shape[:2], -1)

    s_p, s_l = skeletons(p), skeletons(y)
    v_p, v_l = (volumes.reshape(s_p.shape) for volumes in (p, y))
    axes = (0, 2) if over_batch else 2
    precision = ((s_p * v_l).sum(axes) + smooth) / (s_p.sum(axes) + smooth)
    sensitivity = ((s_l * v_p).sum(axes) + smooth) / (s_l.sum(axes) + smooth)
    return float((1 - 2 * precision * sensitivity / (precision + sensitivity)).mean())


def test_by_hand():
    # Of a bar 3 x 5 the skeleton is its 3 middle voxels, of its left part 3 x 3 the middle one:
    # Tprec = (1 + 1) / (1 + 1), Tsens = (2 + 1) / (3 + 1).
    target = torch.zeros(1, 1, 7, 7)
    target[..., 2:5, 1:6] = 1.0
    probabilities = target.clone()
    probabilities[..., 4:] = 0.0
    assert soft_cldice_loss(probabilities, target, iterations=2).item() == pytest.approx(1 - 2 * 0.75 / 1.75, abs=1e-6)
    # With less smoothing Tsens = (2 + 0.5) / (3 + 0.5).
    expected = 1 - 2 * (2.5 / 3.5) / (1 + 2.5 / 3.5)
    assert soft_cldice_loss(probabilities, target, iterations=2, smooth=0.5).item() == pytest.approx(expected, abs=1e-6)
    # A single erosion leaves the skeletons of both.
    assert soft_cldice_loss(probabilities, target, iterations=1).item() == pytest.approx(1 / 7, abs=1e-6)


@pytest.mark.parametrize("over_batch", [False, True])
@pytest.mark.parametrize("variant", ["cvpr", "workshop"])
@pytest.mark.parametrize("size", [(6, 7), (3, 4, 5)])
def test_beside_numpy(size, variant, over_batch):
    p, y = seeded((2, 2, *size)), seeded((2, 2, *size), 1)
    loss = soft_cldice_loss(p, y, iterations=2, smooth=0.7, variant=variant, over_batch=over_batch)
    assert loss.item() == pytest.approx(numpy_loss(p.numpy(), y.numpy(), 2, 0.7, variant, over_batch), abs=1e-10)
    single = soft_cldice_loss(p.float(), y, iterations=2, smooth=0.7, variant=variant, over_batch=over_batch)
    assert single.item() == pytest.approx(loss.item(), abs=1e-5)


def test_background_is_the_same_of_the_complement():
    p, y = seeded((1, 2, 6, 7)), (seeded((1, 2, 6, 7), 1) > 0.5).double()
    expected = (numpy_loss(p.numpy(), y.numpy(), 2, 1.0) + numpy_loss(1 - p.numpy(), 1 - y.numpy(), 2, 1.0)) / 2
    assert soft_cldice_loss(p, y, iterations=2, complement=True).item() == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("complement", [False, True])
@pytest.mark.parametrize("over_batch", [False, True])
@pytest.mark.parametrize("size", [(3, 4), (2, 3, 3)])
def test_gradcheck(size, over_batch, complement):
    probabilities, target = seeded((2, 1, *size)).requires_grad_(), seeded((2, 1, *size), 1) > 0.5

    def loss(p: torch.Tensor) -> torch.Tensor:
        return soft_cldice_loss(p, target, iterations=2, over_batch=over_batch, complement=complement)

    assert torch.autograd.gradcheck(loss, (probabilities,))
    assert torch.autograd.gradcheck(
        lambda p: dice_soft_cldice_loss(p, target, alpha=0.3, iterations=2), (probabilities,)
    )


@pytest.mark.parametrize("options", [{}, {"over_batch": True}, {"complement": True}, {"smooth": 1e-3}])
@pytest.mark.parametrize("shape", [(2, 3, 12, 13), (2, 1, 7, 8, 9)])
def test_perfect_empty_and_full_are_exactly_zero(shape, options):
    target = seeded(shape) > 0.4
    target[0, 0] = False
    assert soft_cldice_loss(target.float(), target, **options).item() == 0.0
    assert soft_cldice_loss(target.double(), target.double(), **options).item() == 0.0
    nothing = torch.zeros(shape)
    assert soft_cldice_loss(nothing, nothing, **options).item() == 0.0
    assert soft_cldice_loss(nothing + 1, nothing + 1, **options).item() == 0.0


def test_a_broken_vessel_costs_much_and_in_dice_hardly_anything():
    # Of a vessel 11 x 56 five erosions leave 1 x 46, the thin one is its own skeleton; 20 of its 56 voxels are missed.
    target = torch.zeros(1, 1, 30, 60)
    target[..., 5:16, 2:58] = target[..., 25, 2:58] = 1.0
    broken = target.clone()
    broken[..., 25, 15:25] = broken[..., 25, 35:45] = 0.0
    sensitivity = (46 + 36 + 1) / (46 + 56 + 1)
    expected = 1 - 2 * sensitivity / (1 + sensitivity)
    assert soft_cldice_loss(broken, target).item() == pytest.approx(expected, abs=1e-6)
    assert expected > 0.1
    assert dice_loss(broken, target).item() < 0.02


def test_a_shaved_vessel_costs_nothing_and_in_dice_much():
    shaved = vessel()
    shaved[..., 5, :] = shaved[..., 9, :] = 0.0
    assert soft_cldice_loss(shaved, vessel()).item() == 0.0
    assert dice_loss(shaved, vessel()).item() == pytest.approx(1 - 2 * 3 / (3 + 5), abs=1e-3)


def test_a_spur_costs_more_than_in_dice():
    spur = vessel()
    spur[..., 10:15, 30] = 1.0
    assert dice_loss(spur, vessel()).item() < 0.01
    assert soft_cldice_loss(spur, vessel()).item() > 3.0 * dice_loss(spur, vessel()).item()


def test_a_false_alarm_and_a_miss_cost_nearly_one():
    line, nothing = torch.zeros(1, 1, 3, 500), torch.zeros(1, 1, 3, 500)
    line[..., 1, :] = 1.0
    # The skeleton is the line: one ratio is 1, the other 1 / 501.
    assert soft_cldice_loss(line, nothing).item() == pytest.approx(1 - 2 / 502, abs=1e-6)
    assert soft_cldice_loss(nothing, line).item() == pytest.approx(1 - 2 / 502, abs=1e-6)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("truth", [0.0, 1.0])
def test_gradient_is_finite_whatever_is_empty(level, truth):
    probabilities = torch.full((1, 2, 4, 5, 6), level).requires_grad_()
    soft_cldice_loss(probabilities, torch.full((1, 2, 4, 5, 6), truth), complement=True).backward()
    assert bool(torch.isfinite(probabilities.grad).all())


def test_the_gradient_fills_a_gap():
    probabilities = (0.05 + 0.9 * vessel(30)).requires_grad_()
    soft_cldice_loss(probabilities, vessel()).backward()
    assert probabilities.grad[0, 0, 7, 30] < 0
    assert probabilities.grad[0, 0, 7, 30] == probabilities.grad.min()


def test_per_sample_or_over_the_batch():
    target = torch.cat((vessel(), torch.zeros_like(vessel())))
    probabilities = torch.cat((vessel(), vessel()))
    # A skeleton of n voxels: of each sample 0 and 1 - 2 / (n + 2); of both together Tprec = (n + 1) / (2n + 1).
    alone = soft_cldice_loss(vessel(), torch.zeros_like(vessel())).item()
    n = 2 / (1 - alone) - 2
    assert soft_cldice_loss(probabilities, target).item() == pytest.approx(alone / 2, abs=1e-6)
    together = (n + 1) / (2 * n + 1)
    expected = 1 - 2 * together / (together + 1)
    assert soft_cldice_loss(probabilities, target, over_batch=True).item() == pytest.approx(expected, abs=1e-5)


def test_no_gradient_reaches_the_target():
    target = seeded((1, 1, 6, 7), 1).requires_grad_()
    probabilities = seeded((1, 1, 6, 7)).requires_grad_()
    soft_cldice_loss(probabilities, target).backward()
    assert target.grad is None
    assert probabilities.grad is not None


def test_dice_and_soft_cldice_together():
    p, y = seeded((2, 2, 6, 7)), seeded((2, 2, 6, 7), 1) > 0.5
    for over_batch in (False, True):
        dice = dice_loss(p, y, over_batch=over_batch, epsilon=0.5)
        cldice = soft_cldice_loss(p, y, iterations=3, smooth=0.5, over_batch=over_batch)
        for alpha in (0.0, 0.1, 0.5):
            both = dice_soft_cldice_loss(p, y, alpha=alpha, iterations=3, smooth=0.5, over_batch=over_batch)
            assert both.item() == pytest.approx((1 - alpha) * dice.item() + alpha * cldice.item(), abs=1e-12)


def test_float32_for_half_precision_and_inside_autocast():
    target = torch.zeros(1, 1, 70, 1000)
    target[..., 35, :] = 1.0
    for dtype in (torch.bfloat16, torch.float16):
        probabilities = (0.5 * target).to(dtype).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            loss = soft_cldice_loss(probabilities, target)
        loss.backward()
        assert loss.dtype == torch.float32
        assert probabilities.grad.dtype == dtype
        # Tprec 1, Tsens (500 + 1) / (1000 + 1)
        assert loss.item() == pytest.approx(1 - 2 * (501 / 1001) / (1 + 501 / 1001), abs=1e-5)


def test_the_same_twice():
    def once() -> tuple[torch.Tensor, torch.Tensor | None]:
        probabilities = seeded((1, 2, 9, 10, 11), dtype=torch.float32).requires_grad_()
        loss = soft_cldice_loss(probabilities, seeded((1, 2, 9, 10, 11), 1) > 0.5)
        loss.backward()
        return loss.detach(), probabilities.grad

    for first, second in zip(once(), once(), strict=True):
        assert torch.equal(first, second)


def test_the_workshop_variant_warns_of_a_binary_target_once():
    probabilities, target = seeded((1, 1, 8, 9)), vessel()[..., :8, :9]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        soft_cldice_loss(probabilities, target, variant="workshop", complement=True)
        assert [warning.filename for warning in caught] == [__file__]
        soft_cldice_loss(probabilities, seeded((1, 1, 8, 9), 1), variant="workshop")
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("probabilities", "target", "options", "message"),
    [
        (
            torch.zeros(1, 1, 4, 4),
            torch.zeros(1, 2, 4, 4),
            {},
            r"\(1, 1, 4, 4\) differs from the target's \(1, 2, 4, 4\)",
        ),
        (torch.full((1, 1, 4, 4), -2.5), torch.zeros(1, 1, 4, 4), {}, r"got \[-2\.5, -2\.5\]; pass logits through"),
        (torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), 255.0), {}, r"target: expected \[0, 1\], got \[255, 255\]"),
        (
            torch.zeros(1, 1, 4, 4).int(),
            torch.zeros(1, 1, 4, 4),
            {},
            "expected floating point numbers, got torch.int32",
        ),
        (
            torch.zeros(1, 1, 4),
            torch.zeros(1, 1, 4),
            {},
            r"expected \(B, C, H, W\) or \(B, C, D, H, W\), got \(1, 1, 4\)",
        ),
        (torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4), {"iterations": 0}, "iterations: expected an integer of at"),
        (torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4), {"variant": "x"}, "variant: expected one of cvpr, workshop"),
        (
            torch.zeros(1, 1, 4, 4),
            torch.zeros(1, 1, 4, 4),
            {"smooth": 0.0},
            r"smooth: expected a number above 0, got 0\.0",
        ),
    ],
)
def test_bad_arguments(probabilities, target, options, message):
    with pytest.raises(ValueError, match=message):
        soft_cldice_loss(probabilities, target, **options)


@pytest.mark.parametrize("alpha", [-0.1, 0.6, float("nan")])
def test_bad_share(alpha):
    with pytest.raises(ValueError, match=r"alpha: expected a number in \[0, 0\.5\], got"):
        dice_soft_cldice_loss(vessel(), vessel(), alpha=alpha)


@pytest.mark.parametrize(
    ("loss", "chosen"),
    [(soft_cldice_loss, SoftClDiceSettings()), (dice_soft_cldice_loss, DiceSoftClDiceSettings())],
)
def test_settings_are_the_keyword_arguments(loss, chosen):
    keywords = {
        name: parameter.default
        for name, parameter in inspect.signature(loss).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    # What counts alike is a word among the settings, and masks among the arguments.
    assert keywords.pop("scales") is None
    assert keywords.pop("mask") is None
    assert chosen.model_dump(exclude={"balance"}) == keywords


@pytest.mark.parametrize("wrong", [{"iterations": 0}, {"smooth": 0.0}, {"variant": "lee"}, {"alpha": 0.7}])
def test_settings_out_of_range(wrong):
    with pytest.raises(ValidationError):
        DiceSoftClDiceSettings(**wrong)


def test_the_complement_was_called_a_background():
    with pytest.raises(ValidationError, match="include_background: it is called complement now"):
        SoftClDiceSettings.model_validate({"include_background": True})
