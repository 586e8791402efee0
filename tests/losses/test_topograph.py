"""Topograph: what may be relabelled without a change of topology, by hand, beside the authors' code, bad input."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy import ndimage

from ramify.losses.term_settings import TopographSettings
from ramify.losses.topograph import topograph_loss
from tests.losses.test_warping import betti, box

AGGREGATIONS = ["mean", "rms", "sum", "max", "min", "cross_entropy"]


def tensors(prediction: np.ndarray, truth: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities of 3/4 and 1/4 for a mask, and the truth, (1, 1, *S)."""
    probabilities = 0.25 + 0.5 * torch.from_numpy(prediction)[None, None].double()
    return probabilities, torch.from_numpy(truth)[None, None]


def critical(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The voxels of critical regions: those with a gradient."""
    probabilities, target = tensors(prediction, truth)
    loss = topograph_loss(probabilities.requires_grad_(), target, aggregation="sum")
    if not loss.requires_grad:
        return np.zeros_like(truth)
    (gradient,) = torch.autograd.grad(loss, probabilities)
    return gradient[0, 0].numpy() != 0


def blobs(size: tuple[int, ...], number: int) -> tuple[np.ndarray, np.ndarray]:
    """Two masks that agree in part, off the border."""
    random = np.random.default_rng(number)
    shared = random.random(size)
    masks = [ndimage.uniform_filter(shared + 0.5 * random.random(size), 2) > 0.75 for _ in range(2)]
    return np.pad(masks[0], 1), np.pad(masks[1], 1)


@pytest.mark.parametrize("size", [(9, 10), (5, 6, 6)])
def test_a_regular_region_changes_no_topology_when_it_is_relabelled(size):
    regular = critical_ones = 0
    for number in range(12):
        prediction, truth = blobs(size, number)
        found = critical(prediction, truth)
        for wrong, added_to in ((prediction & ~truth, truth), (truth & ~prediction, prediction)):
            # Over faces, so that what the loss joins over corners is looked at in pieces only where it is whole.
            labels, count = ndimage.label(wrong, np.ones((3,) * len(size)))
            for label in range(1, count + 1):
                region = labels == label
                if ndimage.label(region)[1] > 1:
                    continue
                if found[region].any():
                    critical_ones += 1
                else:
                    regular += 1
                    assert betti(added_to | region) == betti(added_to)
    assert regular > 20
    assert critical_ones > 3


@pytest.mark.parametrize("ndim", [2, 3])
def test_gap_bridge_and_piece_are_critical_and_a_moved_wall_is_not(ndim):
    middle = (slice(3, 6),) * (ndim - 1)
    vessel = box(ndim, *middle, slice(1, 8))
    gap = vessel.copy()
    gap[..., 4:6] = False
    np.testing.assert_array_equal(critical(gap, vessel), vessel & ~gap)
    np.testing.assert_array_equal(critical(vessel, gap), vessel & ~gap)
    piece = box(ndim, *(slice(0, 2),) * ndim)
    np.testing.assert_array_equal(critical(vessel | piece, vessel), piece)
    np.testing.assert_array_equal(critical(vessel, vessel | piece), piece)
    for sides in [(slice(2, 7),) * (ndim - 1), (slice(4, 5),) * (ndim - 1)]:
        assert not critical(box(ndim, *sides, slice(1, 8)), vessel).any()


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_false_hole_and_a_filled_one_are_critical(ndim):
    block, hole = box(ndim, *(slice(2, 7),) * ndim), box(ndim, *(slice(4, 5),) * ndim)
    np.testing.assert_array_equal(critical(block & ~hole, block), hole)
    np.testing.assert_array_equal(critical(block, block & ~hole), hole)


def test_a_tunnel_and_a_handle_are_critical():
    block, tunnel = box(3, *(slice(2, 7),) * 3), box(3, slice(2, 7), slice(4, 5), slice(4, 5))
    np.testing.assert_array_equal(critical(block & ~tunnel, block), tunnel)
    np.testing.assert_array_equal(critical(block, block & ~tunnel), tunnel)
    arch = box(3, slice(4, 5), slice(1, 4), slice(3, 6)) & ~box(3, slice(4, 5), slice(3, 4), slice(4, 5))
    bar = box(3, slice(4, 5), slice(4, 5), slice(1, 8))
    np.testing.assert_array_equal(critical(bar | arch, bar), arch)
    half = arch & box(3, slice(4, 5), slice(1, 4), slice(3, 5))
    assert not critical(bar | half, bar).any()


def test_at_the_border_the_outside_is_background():
    truth = box(2, slice(3, 6), slice(0, 9))
    thick = box(2, slice(3, 9), slice(0, 9))
    assert not critical(thick, truth).any()
    assert not critical(truth, thick).any()


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        ("mean", 0.7),
        ("rms", np.sqrt((0.6**2 + 0.8**2) / 2)),
        ("sum", 1.4),
        ("max", 0.8),
        ("min", 0.6),
        ("cross_entropy", -np.log(0.4 * 0.2) / 2),
    ],
)
@pytest.mark.parametrize("miss", [False, True])
def test_by_hand(aggregation, expected, miss):
    """A gap of two pixels, and a bridge of two; beside a wrong corner, which is regular."""
    target = torch.zeros(1, 1, 5, 9, dtype=torch.float64)
    target[..., 2, 1:8] = 1.0
    target[..., 2, 4:6] = float(miss)
    probabilities = target.clone()
    wrong = torch.tensor([0.6, 0.8], dtype=torch.float64)
    probabilities[..., 2, 4:6] = 1.0 - wrong if miss else wrong
    probabilities[..., 1, 1] = 0.9
    assert topograph_loss(probabilities, target, aggregation=aggregation).item() == pytest.approx(expected)


def test_every_region_counts_once():
    probabilities, target = torch.zeros(1, 1, 9, 9), torch.zeros(1, 1, 9, 9)
    probabilities[..., 1:3, 1:3] = 0.8
    probabilities[..., 5:8, 5:8] = 0.6
    assert topograph_loss(probabilities, target).item() == pytest.approx(1.4)


def test_pixels_over_a_corner_are_one_region_where_all_else_is_background():
    apart, truth = np.zeros((5, 5), bool), np.zeros((5, 5), bool)
    apart[1, 1] = apart[2, 2] = True
    assert topograph_loss(*tensors(apart, truth)).item() == pytest.approx(0.75)
    truth[1, 2] = truth[1, 3] = True
    # Now each touches the truth and the one background: neither is critical.
    assert topograph_loss(*tensors(apart | truth, truth)).item() == 0.0


def test_beside_the_authors_code():
    """Where false alarms and misses cross over corners, theirs takes neither as connected."""
    module = "topolosses.losses.topograph.src.topograph_loss"
    peer = pytest.importorskip(module, reason="topolosses is not installed: pip install topolosses").TopographLoss
    random, same = np.random.default_rng(0), 0
    for number in range(40):
        size = 1 + number % 2
        p, y = (np.pad(ndimage.uniform_filter(random.random((7, 9)), size), 1) for _ in range(2))
        probabilities, target = torch.from_numpy(p)[None, None], torch.from_numpy(y > 0.5)[None, None].double()
        aggregation = AGGREGATIONS[number % 5]
        theirs = peer(alpha=1.0, use_base_loss=False, aggregation=aggregation, use_c=False)(
            *(torch.cat([1.0 - both, both], dim=1) for both in (probabilities, target))
        )
        same += int(abs(topograph_loss(probabilities, target, aggregation=aggregation).item() - theirs.item()) < 1e-5)
    assert same >= 32


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("shape", [(2, 2, 6, 5), (1, 2, 3, 3, 4)])
def test_gradient(shape, aggregation):
    generator = torch.Generator().manual_seed(0)
    probabilities = 0.05 + 0.9 * torch.rand(shape, generator=generator, dtype=torch.float64)
    probabilities = torch.where((probabilities - 0.5).abs() < 0.01, 0.6, probabilities).requires_grad_()
    target = torch.rand(shape, generator=generator) < 0.4

    def loss(values: torch.Tensor) -> torch.Tensor:
        return topograph_loss(values, target, aggregation=aggregation)

    assert torch.autograd.gradcheck(loss, (probabilities,))


def test_a_slice_of_one_voxel_is_its_image_but_for_holes():
    """A hole of an image is a tunnel of the slice: both are critical, one by its background, one by Euler's number."""
    for number in range(6):
        prediction, truth = blobs((8, 9), number)
        np.testing.assert_array_equal(critical(prediction[None], truth[None])[0], critical(prediction, truth))


def test_thresholds_are_drawn_around_a_half():
    probabilities, target = torch.full((64, 1, 3, 3), 0.55), torch.zeros(64, 1, 3, 3)
    generator = torch.Generator().manual_seed(0)
    assert topograph_loss(probabilities, target, generator=generator).item() == pytest.approx(0.55)
    drawn = [topograph_loss(probabilities, target, threshold_spread=0.2, generator=generator).item() for _ in range(2)]
    # A quarter to five eighths of the thresholds 0.3 … 0.7 lie below 0.55.
    assert all(0.4 < value / 0.55 < 0.85 for value in drawn)
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_any_floating_type(dtype):
    probabilities = torch.full((1, 1, 6, 6), 0.75, dtype=dtype).requires_grad_()
    loss = topograph_loss(probabilities, torch.zeros(1, 1, 6, 6, dtype=torch.bool))
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(0.75)
    assert bool((probabilities.grad > 0).all())


def test_settings_are_the_keyword_arguments():
    defaults = topograph_loss.__kwdefaults__
    assert dict(TopographSettings()) == {name: defaults[name] for name in defaults if name not in ("generator", "mask")}
    for wrong in ({"aggregation": "median"}, {"threshold_spread": 0.5}):
        with pytest.raises(ValidationError):
            TopographSettings(**wrong)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probabilities": torch.ones(1, 1, 4, 5)}, "differs from the target's"),
        ({"probabilities": torch.full((1, 1, 4, 4), -2.0)}, "pass logits"),
        ({"aggregation": "median"}, "aggregation: expected one of mean, rms, sum, max, min, cross_entropy"),
        ({"threshold_spread": 0.5}, r"threshold_spread: expected a number in \[0, 0.5\)"),
        ({"probabilities": torch.ones(1, 1, 4), "target": torch.ones(1, 1, 4)}, "two or three axes, got 1"),
    ],
)
def test_bad_input(change, message):
    arguments = {"probabilities": torch.ones(1, 1, 4, 4), "target": torch.ones(1, 1, 4, 4)} | change
    with pytest.raises(ValueError, match=message):
        topograph_loss(**arguments)
