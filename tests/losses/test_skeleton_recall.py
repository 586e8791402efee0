"""Skeleton Recall: by hand, beside plain NumPy, absent classes, overlapping regions."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from ramify.losses.skeleton_recall import skeleton_recall_loss
from ramify.losses.term_settings import SkeletonRecallSettings

SIZES = [(5, 7), (3, 4, 5)]


def line(*values: float) -> torch.Tensor:
    """One sample, one channel, one row (1, 1, 1, n)."""
    return torch.tensor(values).view(1, 1, 1, -1)


def random_case(size: tuple[int, ...], seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities and tubes of 3 samples and 4 classes: class 1 absent, class 2 only in the first sample."""
    generator = torch.Generator().manual_seed(seed)
    probabilities = torch.rand(3, 4, *size, dtype=torch.float64, generator=generator)
    tubes = torch.rand(3, 4, *size, generator=generator) > 0.7
    tubes[:, 1] = False
    tubes[1:, 2] = False
    return probabilities, tubes


def plain_loss(probabilities: np.ndarray, tubes: np.ndarray, over_batch: bool) -> float:
    """Kirchhoff et al. 2024, Eq. 1, with loops; a sample at a time unless over the batch."""
    groups = [range(len(tubes))] if over_batch else [[sample] for sample in range(len(tubes))]
    recalls = []
    for samples in groups:
        for channel in range(tubes.shape[1]):
            size = sum(tubes[sample, channel].sum() for sample in samples)
            if size:
                covered = sum((tubes[sample, channel] * probabilities[sample, channel]).sum() for sample in samples)
                recalls.append(covered / size)
    return -float(np.mean(recalls)) if recalls else 0.0


def test_by_hand():
    # The tube's three voxels have 1, 0.5 and 0; what is predicted elsewhere does not matter.
    loss = skeleton_recall_loss(line(1.0, 0.5, 0.0, 0.9), line(1.0, 1.0, 1.0, 0.0).bool())
    assert loss.item() == pytest.approx(-0.5, abs=1e-7)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("over_batch", [False, True])
def test_equals_plain_numpy(size, over_batch):
    probabilities, tubes = random_case(size)
    loss = skeleton_recall_loss(probabilities, tubes, over_batch=over_batch)
    assert loss.item() == pytest.approx(plain_loss(probabilities.numpy(), tubes.numpy(), over_batch), abs=1e-12)
    single = skeleton_recall_loss(probabilities.float(), tubes, over_batch=over_batch)
    assert single.item() == pytest.approx(loss.item(), abs=1e-6)


@pytest.mark.parametrize("size", [(3, 4), (2, 3, 2)])
@pytest.mark.parametrize("over_batch", [False, True])
def test_gradient_in_double(size, over_batch):
    probabilities, tubes = random_case(size)
    probabilities = (0.1 + 0.8 * probabilities).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: skeleton_recall_loss(p, tubes, over_batch=over_batch), (probabilities,))


def test_the_gradient_is_the_scaled_tube_whatever_is_predicted():
    probabilities, tubes = random_case((5, 7))
    present = torch.tensor([True, False, True, True]).view(1, 4, 1, 1)
    sizes = tubes.sum((0, 2, 3), keepdim=True).clamp(min=1)
    expected = torch.where(present, -tubes.double() / (3 * sizes), 0.0)
    for values in (probabilities, torch.zeros_like(probabilities), torch.ones_like(probabilities)):
        leaf = values.clone().requires_grad_()
        (2.0 * skeleton_recall_loss(leaf, tubes)).backward()
        assert torch.allclose(leaf.grad, 2.0 * expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("over_batch", [False, True])
def test_covered_tubes_are_minus_one_and_missed_ones_zero(over_batch):
    _, tubes = random_case((5, 7))
    for painted in (tubes.float(), torch.ones(tubes.shape)):
        assert skeleton_recall_loss(painted, tubes, over_batch=over_batch).item() == pytest.approx(-1.0, abs=1e-6)
    assert skeleton_recall_loss((~tubes).float(), tubes, over_batch=over_batch).item() == 0.0


@pytest.mark.parametrize("over_batch", [False, True])
def test_without_any_tube_the_loss_and_its_gradient_are_zero(over_batch):
    probabilities = torch.full((2, 3, 4, 4), 0.5, requires_grad=True)
    loss = skeleton_recall_loss(probabilities, torch.zeros(2, 3, 4, 4, dtype=torch.bool), over_batch=over_batch)
    loss.backward()
    assert loss.item() == 0.0
    assert bool((probabilities.grad == 0).all())


def test_absent_classes_change_nothing():
    probabilities, tubes = random_case((5, 7))
    kept = [0, 2, 3]
    for over_batch in (False, True):
        whole = skeleton_recall_loss(probabilities, tubes, over_batch=over_batch)
        part = skeleton_recall_loss(probabilities[:, kept], tubes[:, kept], over_batch=over_batch)
        assert whole.item() == pytest.approx(part.item(), abs=1e-12)


def test_over_the_batch_a_large_tube_outweighs_a_small_one():
    probabilities = torch.cat((line(1.0, 0.0, 0.0, 0.0), line(0.0, 0.0, 0.0, 0.0)))
    tubes = torch.cat((line(1.0, 0.0, 0.0, 0.0), line(1.0, 1.0, 1.0, 0.0))).bool()
    assert skeleton_recall_loss(probabilities, tubes, over_batch=True).item() == pytest.approx(-1 / 4)
    assert skeleton_recall_loss(probabilities, tubes, over_batch=False).item() == pytest.approx(-1 / 2)


def test_regions_may_overlap():
    # Channel 1 is a part of channel 0: each has its own recall.
    tubes = torch.tensor([[[True, True, True, True], [False, False, True, True]]])
    probabilities = torch.tensor([[[1.0, 1.0, 0.0, 0.0], [0.5, 0.5, 0.5, 0.0]]])
    assert skeleton_recall_loss(probabilities, tubes).item() == pytest.approx(-(0.5 + 0.25) / 2)


def test_a_broken_vessel_costs_its_gap_and_a_false_alarm_nothing():
    tube = torch.zeros(1, 1, 9, 21, dtype=torch.bool)
    tube[..., 4, :20] = True
    broken = tube.float()
    broken[..., 4, 9:11] = 0.0
    assert skeleton_recall_loss(broken, tube).item() == pytest.approx(-18 / 20)
    broken[..., :2, :] = 1.0
    assert skeleton_recall_loss(broken, tube).item() == pytest.approx(-18 / 20)


def test_tubes_may_be_numbers_and_stay_as_they_were():
    probabilities, tubes = random_case((5, 7))
    for numbers in (tubes.float(), tubes.double(), tubes.to(torch.uint8)):
        before = numbers.clone()
        leaf = probabilities.clone().requires_grad_()
        loss = skeleton_recall_loss(leaf, numbers)
        loss.backward()
        assert loss.item() == pytest.approx(skeleton_recall_loss(probabilities, tubes).item(), abs=1e-12)
        assert torch.equal(numbers, before)


def test_probabilities_may_be_a_slice_of_channels():
    probabilities, tubes = random_case((3, 4, 5))
    whole = torch.cat((torch.rand(3, 1, 3, 4, 5, dtype=torch.float64), probabilities), dim=1).requires_grad_()
    loss = skeleton_recall_loss(whole[:, 1:], tubes)
    loss.backward()
    assert loss.item() == skeleton_recall_loss(probabilities, tubes).item()
    assert bool((whole.grad[:, 0] == 0).all())
    assert bool((whole.grad[:, 1:][tubes] < 0).all())


def test_float32_for_half_precision_and_inside_autocast():
    # 70,000 voxels: a sum in bfloat16 stops growing at 256, in float16 it overflows.
    tube = torch.ones(1, 1, 70_000, dtype=torch.bool)
    for dtype in (torch.bfloat16, torch.float16):
        probabilities = torch.full(tube.shape, 0.5, dtype=dtype).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            loss = skeleton_recall_loss(probabilities, tube)
        loss.backward()
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(-0.5, abs=1e-6)
        assert probabilities.grad.dtype == dtype
        assert probabilities.grad[0, 0, 0].item() == pytest.approx(-1 / 70_000, rel=0.01)


@pytest.mark.parametrize(
    ("probabilities", "tube", "message"),
    [
        (torch.zeros(1, 1, 4), torch.zeros(1, 2, 4), r"shape \(1, 1, 4\) differs from the target's \(1, 2, 4\)"),
        (line(-0.5, 3.0), line(0.0, 1.0), r"expected \[0, 1\], got \[-0\.5, 3\]; pass logits through a sigmoid"),
        (line(0.5, float("nan")), line(0.0, 1.0), r"probabilities: expected \[0, 1\], got NaN"),
        (line(0.5, 1.0), line(0.0, 3.0), r"tubed_skeleton: expected \[0, 1\], got \[0, 3\]"),
        (torch.zeros(1, 1, 4, dtype=torch.long), torch.zeros(1, 1, 4), "expected floating point numbers"),
        (torch.zeros(1, 1, 0), torch.zeros(1, 1, 0), r"at least one value, got \(1, 1, 0\)"),
    ],
)
def test_bad_arguments(probabilities, tube, message):
    with pytest.raises(ValueError, match=message):
        skeleton_recall_loss(probabilities, tube)


def test_settings_are_the_arguments():
    chosen = SkeletonRecallSettings().model_dump(exclude={"balance"})
    loss = skeleton_recall_loss(line(1.0, 0.0), line(1.0, 1.0), **chosen)
    assert loss.item() == pytest.approx(-0.5)
    with pytest.raises(ValidationError):
        SkeletonRecallSettings(weight=0.1)
