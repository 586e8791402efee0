"""Homotopy warping: beside components counted anew for every flip, by hand, what is critical and what is not."""

from itertools import product

import numpy as np
import pytest
import torch
from scipy import ndimage

from ramify.losses.term_settings import WarpingSettings
from ramify.losses.warping import critical_voxels, warping_loss


def betti(mask: np.ndarray) -> tuple[int, ...]:
    """Pieces and holes of a 2D mask, or pieces, cavities and Euler characteristic of a 3D one."""
    padded = np.pad(mask, 1)
    pieces = ndimage.label(padded, np.ones((3,) * mask.ndim))[1]
    holes = ndimage.label(~padded)[1] - 1
    if mask.ndim == 2:
        return pieces, holes
    euler = 0
    for cell in product((0, 1), repeat=3):  # cells with an extent along the axes of a 1
        union = padded
        for axis in (axis for axis in range(3) if not cell[axis]):
            union = np.take(union, range(union.shape[axis] - 1), axis) | np.take(
                union, range(1, union.shape[axis]), axis
            )
        euler += (-1) ** sum(cell) * int(union.sum())
    return pieces, holes, euler


def box(ndim: int, *sides: slice, size: int = 9) -> np.ndarray:
    mask = np.zeros((size,) * ndim, bool)
    mask[sides] = True
    return mask


def critical(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return critical_voxels(*(torch.from_numpy(mask)[None, None] for mask in (prediction, truth)))[0, 0].numpy()


def left_by(start: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """One way of the warping, by counting pieces, holes and tunnels of the whole mask before and after each flip."""
    inside, outside = ndimage.distance_transform_edt(start), ndimage.distance_transform_edt(~start)
    distances, warped, moved = inside + outside, start.copy(), True
    while moved:
        moved = False
        for voxel in sorted(zip(*np.nonzero(warped != goal)), key=lambda v: (np.float32(distances[v]), v)):
            flipped = warped.copy()
            flipped[voxel] = goal[voxel]
            if betti(flipped) == betti(warped) and locally_alike(warped, voxel):
                warped, moved = flipped, True
                break
    return warped != goal


def locally_alike(mask: np.ndarray, voxel: tuple[int, ...]) -> bool:
    """Whether the flip keeps pieces, holes and tunnels of the neighbourhood, so that none are exchanged far away."""
    around = np.pad(mask, 1)[tuple(slice(i, i + 3) for i in voxel)].copy()
    kinds = []
    for centre in (False, True):
        around[(1,) * mask.ndim] = centre
        kinds.append(betti(around))
    return kinds[0] == kinds[1]


@pytest.mark.parametrize(("size", "share"), [((6, 7), 0.5), ((6, 7), 0.3), ((3, 4, 4), 0.4)])
def test_beside_counting_after_every_flip(size, share):
    random = np.random.default_rng(0)
    for _ in range(6):
        prediction, truth = (ndimage.uniform_filter(random.random(size), 2) < share for _ in range(2))
        expected = left_by(prediction, truth) | left_by(truth, prediction)
        np.testing.assert_array_equal(critical(prediction, truth), expected)


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_thicker_thinner_or_moved_vessel_is_not_critical(ndim):
    middle = (slice(3, 6),) * (ndim - 1)
    vessel = box(ndim, *middle, slice(1, 8))
    for sides in [(slice(2, 7),) * (ndim - 1), (slice(4, 5),) * (ndim - 1), (slice(5, 8),) * (ndim - 1)]:
        for ends in (slice(1, 8), slice(0, 4), slice(5, 9)):
            other = box(ndim, *sides, ends)
            assert not critical(other, vessel).any()


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_vessel_that_is_too_short_at_either_end_is_not_critical(ndim):
    middle = (slice(4, 5),) * (ndim - 1)
    for ends in (slice(0, 5), slice(4, 9)):
        assert not critical(box(ndim, *middle, ends), box(ndim, *middle, slice(0, 9))).any()


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_gap_and_a_bridge_are_critical_within_themselves(ndim):
    middle = (slice(3, 6),) * (ndim - 1)
    whole = box(ndim, *middle, slice(1, 8))
    gap = whole.copy()
    gap[..., 4:6] = False
    for prediction, truth in ((gap, whole), (whole, gap)):
        found = critical(prediction, truth)
        assert found.any()
        assert not (found & ~(whole & ~gap)).any()


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_false_piece_is_critical_as_a_whole_and_a_moved_one_in_both_places(ndim):
    one, other = box(ndim, *(slice(1, 3),) * ndim), box(ndim, *(slice(5, 8),) * ndim)
    np.testing.assert_array_equal(critical(one, np.zeros_like(one)), one)
    np.testing.assert_array_equal(critical(one | other, one), other)
    np.testing.assert_array_equal(critical(one, other), one | other)


def test_a_false_tunnel_is_critical():
    truth = box(3, slice(2, 7), slice(2, 7), slice(3, 6))
    prediction = truth.copy()
    prediction[4, 4] = False
    found = critical(prediction, truth)
    assert found.any()
    assert not (found & ~(truth & ~prediction)).any()


def test_mean_over_critical_or_over_all_voxels():
    target = torch.zeros(1, 1, 5, 9)
    target[..., 2, 1:8] = 1.0
    gap = target.clone()
    gap[..., 2, 4] = 0.25
    assert warping_loss(gap, target).item() == pytest.approx(np.log(4.0), abs=1e-6)
    assert warping_loss(gap, target, normalise=False).item() == pytest.approx(np.log(4.0) / 45, abs=1e-6)


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("size", [(6, 5), (3, 4, 5)])
def test_gradient(size, normalise):
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(2, 2, *size, generator=generator, dtype=torch.float64).clamp(0.05, 0.95)
    probabilities = torch.where((probabilities - 0.5).abs() < 0.01, 0.6, probabilities).requires_grad_()
    target = torch.rand(2, 2, *size, generator=generator) < 0.4

    def loss(values: torch.Tensor) -> torch.Tensor:
        return warping_loss(values, target, normalise=normalise)

    assert torch.autograd.gradcheck(loss, (probabilities,))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_any_floating_type(dtype):
    probabilities = torch.full((1, 1, 6, 6), 0.75, dtype=dtype).requires_grad_()
    loss = warping_loss(probabilities, torch.zeros(1, 1, 6, 6, dtype=torch.bool))
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(np.log(4.0), abs=1e-5)
    assert bool((probabilities.grad > 0).all())


def test_settings_are_the_keyword_arguments():
    assert dict(WarpingSettings()) | {"mask": None} == warping_loss.__kwdefaults__


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        (torch.full((1, 1, 4, 4), -2.0), "pass logits through"),
        (torch.ones(1, 1, 4), "two or three axes"),
    ],
)
def test_bad_input(probabilities, message):
    with pytest.raises(ValueError, match=message):
        warping_loss(probabilities, torch.ones_like(probabilities))


@pytest.mark.parametrize(("dtype", "side"), [(torch.float32, 5), (torch.bool, 4)])
def test_critical_voxels_are_of_two_masks(dtype, side):
    with pytest.raises(
        ValueError, match=r"warping: expected two bool masks of one shape, got torch\.(float32|bool) \("
    ):
        critical_voxels(torch.ones(1, 1, 5, side, dtype=dtype), torch.ones(1, 1, 5, 5, dtype=torch.bool))
