"""Terms whose recall is averaged over the scales: by hand, beside loops in NumPy, and over ranks."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from ramify.losses.dice import dice_loss
from ramify.losses.scale_balance import balanced_over_scales
from ramify.losses.settings import LossSettings
from ramify.losses.skeleton_recall import skeleton_recall_loss
from ramify.losses.soft_cldice import dice_soft_cldice_loss, soft_cldice_loss
from ramify.losses.soft_skeletonisation import soft_skeleton
from ramify.losses.total import TotalLoss
from ramify.losses.truth import Truth
from ramify.models.outputs import TaskOutputs
from tests.asked import asked
from tests.two_ranks import on_two_ranks

Loss = Callable[..., torch.Tensor]
LOSSES: dict[str, Loss] = {
    "dice": dice_loss,
    "skeleton_recall": skeleton_recall_loss,
    "soft_cldice": partial(soft_cldice_loss, iterations=2),
    "dice_soft_cldice": partial(dice_soft_cldice_loss, iterations=2),
}
SIZES = [(7, 9), (5, 6, 7)]


def seeded_case(size: tuple[int, ...], seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Probabilities (3, 1, *S), vessels of three scales, and their masks; sample 1 lacks scale 2, sample 2 all."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.multinomial(torch.tensor([0.4, 0.1, 0.1, 0.4]), 3 * int(np.prod(size)), True, generator=generator)
    labels = labels.view(3, *size)
    labels[1][labels[1] == 2] = 0
    labels[2] = 0
    probabilities = torch.rand(3, 1, *size, dtype=torch.float64, generator=generator)
    return probabilities, (labels > 0).unsqueeze(1), torch.stack([labels == scale for scale in (1, 2, 3)], dim=1)


def groups_of(count: int, over_batch: bool) -> list[list[int]]:
    return [list(range(count))] if over_batch else [[sample] for sample in range(count)]


def mean_recall(found: np.ndarray, sought: np.ndarray, scales: np.ndarray) -> tuple[float, float]:
    """Mean over the scales present of Σ found / Σ sought, and Σ sought; arrays (n, *S) and (n, S, *S)."""
    inside = [scales[:, scale] & (sought > 0) for scale in range(scales.shape[1])]
    recalls = [found[where].sum() / sought[where].sum() for where in inside if where.any()]
    return (float(np.mean(recalls)) if recalls else 0.0), float(sought.sum())


def plain_balanced(name: str, p: np.ndarray, y: np.ndarray, scales: np.ndarray, over_batch: bool, eps: float) -> float:
    """The losses by loops over groups of samples and scales, for one channel."""
    losses = []
    skeletons = {key: soft_skeleton(torch.from_numpy(v[:, None]), 2)[:, 0].numpy() for key, v in (("p", p), ("y", y))}
    for group in groups_of(len(p), over_batch):
        own, truth, inside = p[group], y[group], scales[group]
        if name == "soft_cldice":
            predicted, sought, found = skeletons["p"][group], skeletons["y"][group], skeletons["y"][group] * own
        else:
            predicted, sought, found = own, truth, truth * own
        recall, size = mean_recall(found, sought, inside)
        if name == "skeleton_recall":
            losses += [recall] if size else []
            continue
        recall = (size * recall + eps) / (size + eps)
        precision = ((predicted * truth).sum() + eps) / (predicted.sum() + eps)
        losses.append(2 * precision * recall / (precision + recall))
    return -float(np.mean(losses)) if name == "skeleton_recall" else 1.0 - float(np.mean(losses))


def test_weights_by_hand():
    # Scale 1 has one voxel of the mask, scale 2 three, scale 3 none: 4 / (2 * 1) and 4 / (2 * 3).
    mask = torch.tensor([[[1, 1, 1, 1, 0]]])
    scales = torch.zeros(1, 3, 5, dtype=torch.bool)
    scales[0, 0, 0] = scales[0, 1, 1:4] = scales[0, 2, 4] = True
    weighted = balanced_over_scales(mask, scales, over_batch=False)
    torch.testing.assert_close(weighted[0, 0], torch.tensor([2.0, 2 / 3, 2 / 3, 2 / 3, 0.0]))


def test_over_the_batch_weights_are_of_the_batch():
    # Scale 1: one voxel in the first sample. Scale 2: one there and two in the second.
    scales = torch.tensor([[[1, 0], [0, 1]], [[0, 0], [1, 1]]]).bool()
    mask = torch.ones(2, 1, 2)
    assert balanced_over_scales(mask, scales, over_batch=False).tolist() == [[[1.0, 1.0]], [[1.0, 1.0]]]
    together = balanced_over_scales(mask, scales, over_batch=True)
    torch.testing.assert_close(together, torch.tensor([[[2.0, 2 / 3]], [[2 / 3, 2 / 3]]]))


def test_a_voxel_of_two_scales_weighs_for_both_and_one_of_none_nothing():
    # As on a coarser grid: scale 1 has blocks 0 and 1, scale 2 block 1 alone: 3 / (2 * 2) and 3 / (2 * 1).
    scales = torch.tensor([[[1, 1, 0], [0, 1, 0]]]).bool()
    weighted = balanced_over_scales(torch.ones(1, 1, 3), scales, over_batch=False)
    torch.testing.assert_close(weighted[0, 0], torch.tensor([0.75, 2.25, 0.0]))


def test_a_small_vessel_counts_as_much_as_a_large_one_by_hand():
    # The large scale has eight voxels, all found; the small one two, one of them found; one false alarm.
    truth, found = torch.zeros(1, 1, 1, 12), torch.zeros(1, 1, 1, 12)
    truth[..., :10] = 1.0
    found[..., :9] = found[..., 11] = 1.0
    scales = torch.zeros(1, 2, 1, 12, dtype=torch.bool)
    scales[:, 0, :, 8:10] = scales[:, 1, :, :8] = True
    recall, precision = (1 / 2 + 1) / 2, 9 / 10
    assert skeleton_recall_loss(found, truth.bool(), scales=scales).item() == pytest.approx(-recall)
    expected = 1 - 2 * precision * recall / (precision + recall)
    assert dice_loss(found, truth, scales=scales).item() == pytest.approx(expected, abs=1e-5)
    assert dice_loss(found, truth).item() == pytest.approx(1 - 2 * 9 / 20, abs=1e-5)


def test_centreline_sensitivity_is_the_mean_over_scales_by_hand():
    # Two lines one voxel wide, their own skeletons: of seven voxels with all found, and of three with one found.
    target = torch.zeros(1, 1, 7, 9)
    target[..., 1, 1:8] = target[..., 5, 1:4] = 1.0
    found = target.clone()
    found[..., 5, 2:4] = 0.0
    scales = torch.zeros(1, 2, 7, 9, dtype=torch.bool)
    scales[:, 1, :3] = scales[:, 0, 3:] = True
    recall = (10 * (1 + 1 / 3) / 2 + 1) / (10 + 1)
    expected = 1 - 2 * recall / (1 + recall)
    assert soft_cldice_loss(found, target, iterations=2, scales=scales).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("over_batch", [False, True])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "eps"), [("dice", 0.5e-5), ("skeleton_recall", 0.0), ("soft_cldice", 1.0)])
def test_equals_loops(name, eps, size, over_batch):
    probabilities, vessels, scales = seeded_case(size)
    loss = LOSSES[name](probabilities, vessels, over_batch=over_batch, scales=scales).item()
    p, y = probabilities[:, 0].numpy(), vessels[:, 0].double().numpy()
    assert loss == pytest.approx(plain_balanced(name, p, y, scales.numpy(), over_batch, eps), abs=1e-9)


@pytest.mark.parametrize("over_batch", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_of_one_scale_alone_nothing_changes(name, over_batch):
    probabilities, vessels, _ = seeded_case((7, 9))
    for scales in (vessels, torch.cat((torch.zeros_like(vessels), vessels), dim=1)):  # alone, and beside an absent one
        loss = LOSSES[name](probabilities, vessels, over_batch=over_batch, scales=scales)
        assert loss.item() == pytest.approx(LOSSES[name](probabilities, vessels, over_batch=over_batch).item())


@pytest.mark.parametrize("over_batch", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_perfect_and_empty_are_exact(name, over_batch):
    _, vessels, scales = seeded_case((7, 9))
    best = -1.0 if name == "skeleton_recall" else 0.0
    perfect = LOSSES[name](vessels.float(), vessels, over_batch=over_batch, scales=scales)
    assert perfect.item() == pytest.approx(best, abs=1e-6)
    nothing = torch.zeros_like(vessels)
    for inside in (scales, torch.zeros_like(scales)):
        assert LOSSES[name](nothing.float(), nothing, over_batch=over_batch, scales=inside).item() == 0.0


@pytest.mark.parametrize("size", [(4, 5), (3, 4, 3)])
@pytest.mark.parametrize("over_batch", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_gradient_in_double(name, over_batch, size):
    probabilities, vessels, scales = seeded_case(size)
    leaf = (0.1 + 0.8 * probabilities).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: LOSSES[name](p, vessels, over_batch=over_batch, scales=scales), (leaf,))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", LOSSES)
def test_float32_for_half_precision_and_inside_autocast(name, dtype):
    # 90,000 voxels, a hundred of them of the small scale: half of each is found.
    vessels = torch.ones(1, 1, 300, 300, dtype=torch.bool)
    scales = torch.zeros(1, 2, 300, 300, dtype=torch.bool)
    scales[:, 0, :10, :10] = True
    scales[:, 1] = ~scales[:, 0]
    probabilities = torch.full((1, 1, 300, 300), 0.5, dtype=dtype).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        loss = LOSSES[name](probabilities, vessels, scales=scales)
    loss.backward()
    assert loss.dtype == torch.float32
    assert bool(torch.isfinite(probabilities.grad).all())
    if name == "skeleton_recall":
        assert loss.item() == pytest.approx(-0.5, abs=1e-5)
        small, large = probabilities.grad[0, 0, 0, 0].item(), probabilities.grad[0, 0, 200, 200].item()
        assert small / large == pytest.approx(899.0, rel=0.05)
    if name == "dice":  # precision 1, recall a half
        assert loss.item() == pytest.approx(1.0 - 1.0 / 1.5, abs=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_scales_that_do_not_fit(name):
    probabilities, vessels, scales = seeded_case((7, 9))
    for bad in (scales[..., :8], scales[:2], scales.float()):
        with pytest.raises(ValueError, match=r"scales: expected bool \(batch, scale, …\) to fit \(3, 1, 7, 9\)"):
            LOSSES[name](probabilities, vessels, scales=bad)


def settings_with(balance: str) -> LossSettings:
    terms = {"dice": 1.0, "skeleton_recall": 1.0, "soft_cldice": 1.0}
    own = {name: {"balance": balance} for name in terms}
    return LossSettings(main=terms, auxiliary=terms, lambda_contrastive=0.0, foreground_weight=1.0, **own)


@pytest.mark.parametrize(("formulation", "channels"), [("binary", 1), ("multi_task", 4), ("multi_class", 4)])
def test_the_objective_balances_the_vessels_and_leaves_single_scales(formulation, channels):
    _, vessels, scales = seeded_case((8, 8))
    labels = (scales * torch.tensor([1, 2, 3]).view(1, 3, 1, 1)).sum(1)
    logits = torch.randn(3, channels, 8, 8, generator=torch.Generator().manual_seed(0))
    truth = Truth(labels, tubed_skeleton=vessels[:, 0])
    plain, balanced = (
        TotalLoss(settings_with(balance), asked(formulation, 3))(TaskOutputs(logits), truth)
        for balance in ("none", "scales")
    )
    changed = {name for name in plain if not torch.equal(plain[name], balanced[name])} - {"total"}
    names = {"main/dice", "main/skeleton_recall", "main/soft_cldice"}
    # The classes of multi_class are scales, as each auxiliary task is: their recalls are of one scale already.
    assert changed == (set() if formulation == "multi_class" else names)
    if formulation == "binary":
        expected = dice_loss(torch.sigmoid(logits), vessels, scales=scales)
        torch.testing.assert_close(balanced["main/dice"], expected)


def balanced_of_a_rank(rank: int) -> dict[str, tuple[torch.Tensor, torch.Tensor | None]]:
    """The balanced losses and gradients of one rank's half of the batch."""
    probabilities, vessels, scales = (values[:2] for values in seeded_case((7, 9)))
    found = {}
    for name, loss in LOSSES.items():
        own = probabilities[rank : rank + 1].clone().requires_grad_()
        half = slice(rank, rank + 1)
        value = loss(own, vessels[half], over_batch=True, scales=scales[half])
        value.backward()
        found[name] = value.detach(), own.grad
    return found


def test_two_ranks_weigh_scales_by_the_whole_batch(tmp_path: Path):
    of_ranks = on_two_ranks(balanced_of_a_rank, tmp_path)
    probabilities, vessels, scales = (values[:2] for values in seeded_case((7, 9)))
    for name, loss in LOSSES.items():
        whole = probabilities.clone().requires_grad_()
        value = loss(whole, vessels, over_batch=True, scales=scales)
        (gradient,) = torch.autograd.grad(value, whole)
        for rank, found in enumerate(of_ranks):
            torch.testing.assert_close(found[name][0], value.detach(), msg=name)
            # Every rank computes the whole loss: summed over ranks its gradient is twice that of one process.
            torch.testing.assert_close(found[name][1], 2.0 * gradient[rank : rank + 1], msg=name)
