"""Boundary loss: distances by hand and by brute force, both scales, masks without a boundary."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pydantic import ValidationError

from ramify.losses.boundary import boundary_loss, distance_inside, signed_distance
from ramify.losses.term_settings import BoundarySettings

SIZES = [(5, 7), (3, 4, 5)]
masks = st.one_of(
    arrays.arrays(bool, arrays.array_shapes(min_dims=1, max_dims=2, min_side=1, max_side=7)),
    arrays.arrays(bool, arrays.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=4)),
)


def line(*values: float) -> torch.Tensor:
    """One sample, one channel, one row (1, 1, n)."""
    return torch.tensor(values).view(1, 1, -1)


def random_case(size: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Probabilities, targets and spacings of 2 samples and 3 channels, one of them empty in the first sample."""
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(2, 3, *size, dtype=torch.float64, generator=generator)
    target = torch.rand(2, 3, *size, generator=generator) > 0.7
    target[0, 1] = False
    return probabilities, target, 0.5 + 2.0 * torch.rand(2, len(size), generator=generator)


def plain_distance(mask: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """The signed distance with loops: of each voxel to every voxel of the other side."""
    distances = np.zeros(mask.shape)
    if mask.all() or not mask.any():
        return distances
    for voxel in itertools.product(*map(range, mask.shape)):
        others = np.argwhere(mask != mask[voxel])
        nearest = np.sqrt((((others - voxel) * spacing) ** 2).sum(1).min())
        distances[voxel] = -nearest if mask[voxel] else nearest
    return distances


def plain_loss(p: np.ndarray, y: np.ndarray, spacing: np.ndarray, normalise: bool) -> float:
    losses = []
    for sample, channel in itertools.product(range(p.shape[0]), range(p.shape[1])):
        phi = plain_distance(y[sample, channel], spacing[sample])
        scale = np.abs(phi).sum() or 1.0 if normalise else phi.size
        losses.append((phi * p[sample, channel]).sum() / scale)
    return float(np.mean(losses))


def test_distances_by_hand():
    row = line(0, 0, 1, 1, 1, 0).bool()
    assert signed_distance(row).flatten().tolist() == [2, 1, -1, -2, -1, 1]
    assert signed_distance(row, torch.tensor([[0.5]])).flatten().tolist() == [1, 0.5, -0.5, -1, -0.5, 0.5]
    assert distance_inside(row).flatten().tolist() == [0, 0, 1, 2, 1, 0]


def test_a_diagonal_in_anisotropic_voxels():
    corner = torch.zeros(1, 1, 2, 2, dtype=torch.bool)
    corner[0, 0, 0, 0] = True
    distances = signed_distance(corner, torch.tensor([[3.0, 4.0]]))
    assert distances.flatten().tolist() == [-3, 4, 3, 5]


def test_the_loss_by_hand():
    # φ is 2, 1, -1, -2, -1, 1; the prediction moved by one voxel to the left.
    target, moved = line(0, 0, 1, 1, 1, 0), line(0, 1, 1, 1, 0, 0).float()
    assert boundary_loss(moved, target).item() == pytest.approx((1 - 1 - 2) / 8)
    assert boundary_loss(moved, target, normalise=False).item() == pytest.approx((1 - 1 - 2) / 6)
    half_mm = torch.tensor([[0.5]])
    assert boundary_loss(moved, target, spacing_mm=half_mm).item() == pytest.approx((1 - 1 - 2) / 8)
    assert boundary_loss(moved, target, spacing_mm=half_mm, normalise=False).item() == pytest.approx((1 - 1 - 2) / 12)


@settings(max_examples=60, deadline=None)
@given(masks, st.data())
def test_distances_are_those_to_the_nearest_of_the_other_side(mask, data):
    spacing = data.draw(arrays.arrays(np.float32, mask.ndim, elements=st.sampled_from([0.5, 1.0, 1.5, 3.0])))
    tensor, row = torch.from_numpy(mask)[None, None], torch.from_numpy(spacing)[None]
    distances = signed_distance(tensor, row)
    assert distances.dtype == torch.float32
    np.testing.assert_allclose(distances[0, 0].numpy(), plain_distance(mask, spacing), rtol=1e-6)
    assert torch.equal(signed_distance(~tensor, row), -distances)
    assert torch.equal(signed_distance(tensor, 2 * row), 2 * distances)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("normalise", [False, True])
def test_equals_plain_numpy(size, normalise):
    probabilities, target, spacing = random_case(size)
    loss = boundary_loss(probabilities, target, spacing_mm=spacing, normalise=normalise)
    expected = plain_loss(probabilities.numpy(), target.numpy(), spacing.double().numpy(), normalise)
    assert loss.item() == pytest.approx(expected, abs=1e-6)
    unit = plain_loss(probabilities.numpy(), target.numpy(), np.ones(spacing.shape), normalise)
    assert boundary_loss(probabilities, target, normalise=normalise).item() == pytest.approx(unit, abs=1e-6)


@pytest.mark.parametrize("size", [(3, 4), (2, 3, 2)])
@pytest.mark.parametrize("normalise", [False, True])
def test_gradient_in_double(size, normalise):
    probabilities, target, spacing = random_case(size)
    probabilities = (0.1 + 0.8 * probabilities).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda p: boundary_loss(p, target, spacing_mm=spacing, normalise=normalise), (probabilities,)
    )


def test_the_truth_itself_is_the_best_prediction():
    _, target, spacing = random_case((5, 7))
    best = boundary_loss(target.float(), target, spacing_mm=spacing)
    for flipped in itertools.product(range(5), range(7)):
        other = target.clone()
        other[1, 2][flipped] ^= True
        assert boundary_loss(other.float(), target, spacing_mm=spacing) > best
    assert best < 0.0


@pytest.mark.parametrize("size", [24, 48, 96])
def test_normalised_the_gradient_has_the_same_sum_in_every_patch(size):
    probabilities = torch.full((1, 1, size, size), 0.5, requires_grad=True)
    target = torch.zeros(1, 1, size, size, dtype=torch.bool)
    target[..., 10:14, 10:14] = True
    boundary_loss(probabilities, target, spacing_mm=torch.tensor([[0.7, 1.3]])).backward()
    assert probabilities.grad.abs().sum().item() == pytest.approx(1.0, abs=1e-4)


def test_a_vessel_one_voxel_wide_is_pulled_up():
    target = torch.zeros(1, 1, 5, 9, dtype=torch.bool)
    target[..., 2, :] = True
    assert bool((signed_distance(target)[target] == -1).all())


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_without_a_boundary_the_loss_and_its_gradient_are_zero(size, normalise):
    for target in (torch.zeros(2, 1, *size), torch.ones(2, 1, *size)):
        probabilities = torch.full((2, 1, *size), 0.5, requires_grad=True)
        loss = boundary_loss(probabilities, target, normalise=normalise)
        loss.backward()
        assert loss.item() == 0.0
        assert bool((probabilities.grad == 0).all())


def test_where_there_is_no_background_the_distance_to_it_is_infinite():
    assert bool(distance_inside(torch.ones(1, 1, 3, 3, dtype=torch.bool)).isinf().all())


def test_float32_for_half_precision():
    target = torch.ones(1, 1, 70_000)
    target[..., :35_000] = 0
    for dtype in (torch.bfloat16, torch.float16):
        with torch.autocast("cpu", torch.bfloat16):
            loss = boundary_loss(torch.full_like(target, 0.5, dtype=dtype).where(target > 0, 0), target)
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(-0.25, abs=1e-4)


@pytest.mark.parametrize(
    ("probabilities", "target", "message"),
    [
        (torch.zeros(1, 1, 4), torch.zeros(1, 2, 4), r"shape \(1, 1, 4\) differs from the target's \(1, 2, 4\)"),
        (line(-0.5, 3.0), line(0.0, 1.0), r"expected \[0, 1\], got \[-0\.5, 3\]; pass logits through a sigmoid"),
        (line(0.5, float("nan")), line(0.0, 1.0), r"probabilities: expected \[0, 1\], got NaN"),
        (torch.zeros(1, 1, 4, dtype=torch.long), torch.zeros(1, 1, 4), "expected floating point numbers"),
        (torch.zeros(2, 3), torch.zeros(2, 3), r"expected \(batch, channel, …\) with a spatial axis at least"),
    ],
)
def test_bad_tensors(probabilities, target, message):
    with pytest.raises(ValueError, match=message):
        boundary_loss(probabilities, target)


@pytest.mark.parametrize(
    ("spacing", "message"),
    [
        (torch.ones(3), r"spacing_mm: expected shape \(2, 2\), a row of 2 a sample \(z, y, x\), .* got \(3,\)"),
        (torch.ones(2, 3), r"spacing_mm: expected shape \(2, 2\), .* got \(2, 3\)"),
        (torch.tensor([[1.0, 1.0], [1.0, 0.0]]), r"spacing_mm: expected positive numbers, got \[\[1\.0, 1\.0\]"),
        (torch.full((2, 2), float("nan")), "spacing_mm: expected positive numbers, got"),
    ],
)
def test_bad_spacing(spacing, message):
    with pytest.raises(ValueError, match=message):
        boundary_loss(torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 4, 4), spacing_mm=spacing)


def test_settings_are_the_arguments():
    row = line(0, 0, 1, 1, 1, 0)
    assert boundary_loss(row.float(), row, **dict(BoundarySettings())).item() == pytest.approx(-4 / 8)
    with pytest.raises(ValidationError):
        BoundarySettings(spacing_mm=1.0)
