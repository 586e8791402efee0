"""The contrast as a term of the objective: with one head for all scales, on any formulation, and what is seen of it."""

from typing import NamedTuple

import pytest
import torch
from torch.nn.functional import normalize

from ramify.losses import AnchorSettings, LossSettings, TotalLoss, Truth, contrast_floor, contrastive_loss
from ramify.losses.scale_contrast import ScaleContrast
from ramify.losses.shared_anchors import sample_shared_anchors
from ramify.models import ModelSettings, build_network
from ramify.models.settings import ContrastHeadSettings
from ramify.tasks.contrast_head import ContrastHead
from tests.asked import asked

CHANNELS = {"binary": 1, "multi_task": 4, "multi_class": 4}


class Outputs(NamedTuple):
    logits: torch.Tensor
    projections: tuple[torch.Tensor, ...]
    deep_logits: tuple[torch.Tensor, ...] = ()
    auxiliary_logits: tuple[torch.Tensor, ...] = ()


def batch(channels: int, ndim: int) -> tuple[Outputs, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    projection = normalize(torch.randn(2, 5, *(4,) * ndim, generator=generator), dim=1).requires_grad_()
    logits = torch.randn(2, channels, *(8,) * ndim, generator=generator)
    return Outputs(logits, (projection,)), torch.randint(0, 4, (2, *(8,) * ndim), generator=generator)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("formulation", CHANNELS)
def test_one_head_for_all_scales_contrasts_any_formulation(formulation, ndim):
    outputs, labels = batch(CHANNELS[formulation], ndim)
    settings = LossSettings(foreground_weight=2.0, temperature=0.2, hard_negatives=0.5, anchors=AnchorSettings(cap=40))
    loss = TotalLoss(settings, asked(formulation, 3), head="shared")
    terms = loss(outputs, Truth(labels), torch.Generator().manual_seed(1))
    anchors = sample_shared_anchors(
        outputs.projections[0], labels, 3, settings.anchors, torch.Generator().manual_seed(1)
    )
    expected = contrastive_loss(*anchors, 0.2, balanced=True, hard_negatives=0.5)
    torch.testing.assert_close(terms["contrastive"], expected)
    (gradient,) = torch.autograd.grad(terms["total"], outputs.projections)
    (alone,) = torch.autograd.grad(0.53 * expected, outputs.projections)
    torch.testing.assert_close(gradient, alone)


@pytest.mark.parametrize(("formulation", "logits"), [("binary", [[3.0, -3.0, 3.0, -3.0]]), ("multi_class", None)])
def test_the_networks_own_errors(formulation, logits):
    # Exclusive classes: all scales together are likelier than background in the first and third voxel, none by itself.
    given = torch.tensor(logits or [[1.0, 1.0, 1.0, 1.0], [0.5, -3.0, 0.5, -3.0], [0.5, -3.0, 0.5, -3.0]])
    settings = LossSettings(foreground_weight=1.0, anchors=AnchorSettings(cap=4, errors=1.0, near_background=0))
    loss = TotalLoss(settings, asked(formulation, 2), head="shared")
    projection = torch.tensor([0.1, 0.2, 0.3, 0.4]).view(1, 1, 1, 4)
    scales = torch.tensor([[[1, 1, 2, 2]]])  # wrong are the second and the fourth
    loss(Outputs(given[None, :, None], (projection,)), Truth(scales), torch.Generator().manual_seed(0))
    assert loss.contrast is not None
    assert loss.contrast._latest is not None
    torch.testing.assert_close(loss.contrast._latest.embeddings.flatten(), torch.tensor([0.2, 0.1, 0.4, 0.3]))


def test_the_bank_holds_background_too_and_the_floor_counts_it():
    outputs, labels = batch(1, 2)
    labels[:] = torch.arange(8)[:, None] // 2  # two rows of each
    settings = LossSettings(foreground_weight=1.0, anchors=AnchorSettings(cap=8, bank=3))
    loss = TotalLoss(settings, asked("binary", 3), head="shared")
    for step in range(2):
        terms = loss(outputs, Truth(labels), torch.Generator().manual_seed(step))
        assert loss.contrast is not None
        looks = loss.contrast.looks()
        loss.contrast.remember()
    assert loss.bank is not None
    assert sorted(loss.bank.state_dict()) == ["0", "1", "2", "3"]
    floor = contrast_floor([2] * 4, 0.94, [2 + 2] * 4)
    torch.testing.assert_close(looks["above_floor"], terms["contrastive"].detach() - floor)
    spread = {"between", "within/background", "within/scale_1", "within/scale_2", "within/scale_3"}
    assert looks.keys() == {"positives", "negatives", "above_floor", "above_floor_share"} | spread


def test_nothing_is_seen_of_a_batch_without_anchors():
    outputs, labels = batch(1, 2)
    loss = TotalLoss(LossSettings(foreground_weight=1.0), asked("binary", 3), head="shared")
    terms = loss(outputs, Truth(torch.zeros_like(labels)))
    assert terms["contrastive"] == 0
    assert loss.contrast is not None
    assert loss.contrast.looks() == {"positives": 0, "negatives": 0}


def test_one_anchor_a_scale_is_no_sign_of_constants():
    settings = LossSettings(anchors=AnchorSettings(mode="pooled"))
    contrast = ScaleContrast(settings, "per_scale", 2)
    given = [normalize(torch.ones(1, 3, 2, 2), dim=1), -normalize(torch.ones(1, 3, 2, 2), dim=1)]
    assert contrast(given, torch.ones(1, 4, 4, dtype=torch.long), None, None, keep=True) == 0
    looks = contrast.looks()
    assert looks.keys() == {"positives", "negatives", "between"}
    assert looks["positives"] == looks["negatives"] == 0


def test_a_single_class_has_positives_and_no_negatives():
    contrast = ScaleContrast(LossSettings(anchors=AnchorSettings(near_background=0)), "shared", 2)
    given = [normalize(torch.ones(1, 3, 2, 2), dim=1)]
    assert contrast(given, torch.ones(1, 4, 4, dtype=torch.long), None, None, keep=True) == 0
    looks = contrast.looks()
    assert (looks["positives"], looks["negatives"]) == (1, 0)
    assert "above_floor" not in looks


@pytest.mark.parametrize(("second", "share"), [(1.0, 1.0), (-1.0, 0.0)])
def test_the_share_above_the_floor_is_one_where_all_are_alike_and_none_at_the_floor(second, share):
    contrast = ScaleContrast(LossSettings(temperature=0.05), "per_scale", 2)
    one = torch.zeros(2, 3, 4, 4)
    one[:, 0] = 1.0
    contrast([one, second * one], torch.ones(2, 4, 4, dtype=torch.long), None, None, keep=True)
    torch.testing.assert_close(contrast.looks()["above_floor_share"], torch.tensor(share))


@pytest.mark.parametrize(
    ("head", "near_background", "classes"), [("per_scale", 2, 3), ("shared", 2, 4), ("shared", 0, 3)]
)
def test_a_cap_of_less_than_two_anchors_a_class_is_refused(head, near_background, classes):
    def contrast(**anchors: int) -> ScaleContrast:
        settings = LossSettings(anchors=AnchorSettings(near_background=near_background, **anchors))
        return ScaleContrast(settings, head, 3)

    with pytest.raises(ValueError, match=rf"anchors.cap: expected at least {2 * classes}, two anchors for each"):
        contrast(cap=2 * classes - 1)
    assert contrast(cap=2 * classes).n_classes == classes
    assert contrast(cap=2, bank=1).n_classes == classes


@pytest.mark.parametrize("head", ["none", "per_scale"])
def test_a_binary_network_without_a_shared_head_has_no_contrast(head):
    outputs, labels = batch(1, 2)
    loss = TotalLoss(LossSettings(foreground_weight=1.0), asked("binary", 3), head=head)
    assert "contrastive" not in loss(outputs, Truth(labels))


def test_outputs_of_another_head_are_refused():
    outputs, labels = batch(4, 2)
    loss = TotalLoss(LossSettings(foreground_weight=1.0), asked("multi_task", 3), head="shared")
    with pytest.raises(ValueError, match="projections: expected 1, of the shared head, got 0"):
        loss(outputs._replace(projections=()), Truth(labels))


def crossings(seed: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures of a thin vessel across a thick one in noise, and their scales."""
    generator = torch.Generator().manual_seed(seed)
    scales = torch.zeros(count, 32, 32, dtype=torch.long)
    for picture in scales:
        thin, thick = torch.randint(2, 26, (2,), generator=generator).tolist()
        picture[:, thin], picture[thick : thick + 4] = 1, 2
    return ((scales > 0) + 0.3 * torch.randn(scales.shape, generator=generator))[:, None], scales


def lost_on(head: ContrastHead) -> tuple[float, dict[str, float]]:
    """How far above the floor a small network's contrast starts, and which share of that training takes off it.

    The shares are by what the trained network is shown: pictures it has not seen, noise, their pixels in disorder.
    """
    torch.manual_seed(0)
    settings = ModelSettings(levels=2, base_channels=4, contrast=ContrastHeadSettings(head=head, features="encoder.0"))
    network = build_network(settings, 1, 2, 2)
    contrast = TotalLoss(
        LossSettings(lambda_scales=(1.0,), foreground_weight=1.0, anchors=AnchorSettings(cap=256)),
        asked("multi_task", 2),
        head=head,
    ).contrast
    assert contrast is not None

    def above_floor(image: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        loss = contrast(network(image).projections, scales, None, generator, keep=True)
        return loss - loss.detach() + contrast.looks()["above_floor"]

    held_out, scales = crossings(1000, 16)
    disorder = held_out.flatten()[torch.randperm(held_out.numel())].view_as(held_out)
    shown = {"pictures": held_out, "noise": torch.randn(held_out.shape), "disorder": disorder}
    before = {name: above_floor(image, scales).item() for name, image in shown.items()}
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    for step in range(60):
        optimiser.zero_grad()
        above_floor(*crossings(step, 4)).backward()
        optimiser.step()
    after = {name: above_floor(image, scales).item() for name, image in shown.items()}
    return before["pictures"], {name: 1 - after[name] / before[name] for name in shown}


def test_heads_of_their_own_learn_constants_which_are_as_good_on_noise():
    start, taken = lost_on("per_scale")
    assert start > 0
    assert min(taken.values()) > 0.5


def test_a_shared_head_learns_to_see_the_scale_which_noise_does_not_have():
    start, taken = lost_on("shared")
    assert start > 0
    assert taken["pictures"] > 0.5
    assert max(taken["noise"], taken["disorder"]) < 0.1
