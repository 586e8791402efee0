"""One of Ramify's losses beside nnU-Net's own."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from ramify.nnunet.added_loss import add_loss


class Own(nn.Module):
    """nnU-Net's loss at one resolution: here the mean of the logits."""

    def forward(self, logits, target):
        self.seen = target
        return logits.mean()


class OverLevels(nn.Module):
    """nnU-Net's deep supervision."""

    def __init__(self, loss):
        super().__init__()
        self.loss, self.weight_factors = loss, (1.0, 0.5, 0.0)

    def forward(self, logits, target):
        return sum(w * self.loss(*pair) for w, *pair in zip(self.weight_factors, logits, target) if w)


class Seen(nn.Module):
    """A loss of ours that keeps what it was given, and is 1."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def forward(self, probabilities, target, *, mask, spacing_mm, tube):
        self.calls.append(SimpleNamespace(p=probabilities, target=target, mask=mask, spacing=spacing_mm, tube=tube))
        return torch.ones(())


def trainer(labels, regions=False, ignore=None, vessels=None):
    """What is asked of a trainer."""
    return SimpleNamespace(
        label_manager=SimpleNamespace(has_regions=regions, ignore_label=ignore),
        configuration_manager=SimpleNamespace(spacing=(2.0, 1.0), patch_size=(4, 8)),
        dataset_json={"labels": labels},
        vessels=vessels,
    )


def test_classes_become_probabilities_and_masks_of_the_vessels_alone():
    labels = {"background": 0, "liver": 1, "vessel": 2, "ignore": 3}
    seen = Seen()
    loss = add_loss(trainer(labels, ignore=3, vessels=("vessel",)), Own(), seen)
    logits = torch.randn(1, 3, 4, 8)
    target = torch.randint(0, 4, (1, 1, 4, 8), dtype=torch.int16)
    assert loss(logits, target).item() == pytest.approx(logits.mean().item() + 1.0)
    (call,) = seen.calls
    assert torch.equal(call.p, torch.softmax(logits, 1)[:, 2:])
    assert torch.equal(call.target, target == 2)
    assert torch.equal(call.mask, target != 3)
    assert call.spacing == (2.0, 1.0)
    assert call.tube is None


def test_regions_have_a_sigmoid_each_and_the_last_channel_is_what_is_ignored():
    labels = {"background": 0, "vessel": (1, 2), "vein": 2, "ignore": 3}
    seen, own = Seen(), Own()
    logits = torch.randn(1, 2, 4, 8)
    target = torch.rand(1, 4, 4, 8) > 0.5
    loss = add_loss(trainer(labels, regions=True, ignore=3), own, seen, with_tube=True)
    loss(logits, target.to(torch.int16))
    (call,) = seen.calls
    assert torch.equal(call.p, torch.sigmoid(logits))
    assert torch.equal(call.target, target[:, :2])
    assert torch.equal(call.mask, ~target[:, 2:3])
    assert torch.equal(call.tube, target[:, 3:])
    assert torch.equal(own.seen, target[:, :3])
    assert own.seen.dtype == torch.bool


def test_deep_supervision_weighs_it_with_nnunets_own_and_coarser_voxels_are_larger():
    seen = Seen()
    loss = add_loss(trainer({"background": 0, "vessel": 1}), OverLevels(Own()), seen)
    shapes = [(4, 8), (4, 4), (2, 2)]
    total = loss([torch.zeros(1, 2, *s) for s in shapes], [torch.zeros(1, 1, *s, dtype=torch.int16) for s in shapes])
    assert total.item() == 1.5
    assert [call.spacing for call in seen.calls] == [(2.0, 1.0), (2.0, 2.0)]
    assert all(call.mask is None for call in seen.calls)


def test_a_validation_step_has_nnunets_loss_alone():
    seen = Seen()
    loss = add_loss(trainer({"background": 0, "vessel": 1}), OverLevels(Own()), seen).eval()
    logits = [torch.full((1, 2, 4, 8), 3.0), torch.zeros(1, 2, 2, 4), torch.zeros(1, 2, 1, 2)]
    target = [torch.zeros(1, 1, *level.shape[2:], dtype=torch.int16) for level in logits]
    assert loss(logits, target).item() == 3.0
    assert not seen.calls
