"""Voxels that nobody knows: no gradient, no weight, and no wall, end or hole for those that are known."""

import pytest
import torch
from torch import Tensor

from ramify.losses import (
    AnchorSettings,
    Contrast,
    SkeletonRecall,
    binary_cross_entropy,
    boundary_loss,
    cbdice_loss,
    centreline_cross_entropy_loss,
    dice_loss,
    generalised_dice_loss,
    signed_distance,
    skeleton_recall_loss,
    soft_cldice_loss,
    soft_skeleton,
    topo_cldice_loss,
    tversky_loss,
)
from ramify.losses.continuation import continued
from ramify.vessels.tube import tubed_skeleton
from tests.losses.modules.table import NAMES, labels_of, logits_for, module, value_and_gradient

SHARED = {"to_onehot": True, "drop_background": True}


@pytest.fixture
def unknown() -> Tensor:
    """A block in the middle of both vessels, another one in each sample, and a border."""
    unknown = torch.zeros(2, 1, 12, 18, dtype=torch.bool)
    unknown[0, :, 3:9, 7:11] = True
    unknown[1, :, 1:4, 3:6] = True
    unknown[:, :, :, 16:] = True
    return unknown


@pytest.mark.parametrize("name", NAMES)
def test_ignored_voxels_have_no_gradient_and_no_say(name, unknown):
    labels, logits = labels_of(), logits_for(labels_of())
    ignored = labels.masked_fill(unknown, 255)
    loss = module(name, ignore_label=255, **SHARED)
    value, gradient = value_and_gradient(loss, logits, ignored)
    everywhere = unknown.expand_as(gradient)
    assert not gradient[everywhere].any()
    assert gradient[~everywhere].any()
    # Whatever the network says there.
    other = (logits + torch.where(unknown, 7.0 * torch.randn_like(logits), 0.0)).detach().requires_grad_()
    torch.testing.assert_close(value_and_gradient(loss, other, ignored), (value, gradient), rtol=0.0, atol=0.0)
    # By a label, by a mask, or by both.
    for more in ({"mask": ~unknown}, {"mask": (~unknown).int().numpy()}):
        found = value_and_gradient(module(name, **SHARED), logits, labels, **more)
        torch.testing.assert_close(found, (value, gradient), rtol=0.0, atol=0.0)
    half = unknown.clone()
    half[1] = False
    both = value_and_gradient(loss, logits, labels.masked_fill(half, 255), mask=~(unknown & ~half))
    torch.testing.assert_close(both, (value, gradient), rtol=0.0, atol=0.0)


@pytest.mark.parametrize("name", NAMES)
def test_of_nothing_known_nothing_is_learnt(name):
    labels, logits = labels_of(), logits_for(labels_of())
    loss = module(name, ignore_label=255, **SHARED)
    value, gradient = value_and_gradient(loss, logits, torch.full_like(labels, 255))
    assert value.isfinite()
    assert not gradient.any()


@pytest.mark.parametrize("name", NAMES)
def test_a_mask_of_all_voxels_changes_nothing(name):
    labels, logits = labels_of(), logits_for(labels_of())
    plain = value_and_gradient(module(name, **SHARED), logits, labels)
    # Without checks nobody asks whether all is known.
    masked = value_and_gradient(module(name, checked=False, **SHARED), logits, labels, mask=torch.ones_like(labels))
    torch.testing.assert_close(masked, plain)


# Those for which the volume ends where it is known, rather than go on as it was there.
CUT = {
    "CbDice",
    "CentrelineCrossEntropy",
    "Dice",
    "DiceCrossEntropy",
    "DiceSoftClDice",
    "GeneralisedDice",
    "SoftClDice",
}
CUT |= {"Boundary", "Tversky"}


@pytest.mark.parametrize("name", sorted(CUT))
@pytest.mark.parametrize("size", [(12, 18), (4, 12, 10)])
def test_beyond_a_straight_border_it_is_as_if_the_volume_ended_there(name, size):
    labels = labels_of(size)
    logits = logits_for(labels)
    known = torch.ones_like(labels, dtype=torch.bool)
    known[..., 7:] = False
    value, gradient = value_and_gradient(module(name, **SHARED), logits, labels, mask=known)
    part = logits.detach()[..., :7].clone().requires_grad_()
    expected, expected_gradient = value_and_gradient(module(name, **SHARED), part, labels[..., :7])
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(gradient[..., :7], expected_gradient)


def test_nor_is_the_complement_known_beyond():
    labels = labels_of()
    logits = logits_for(labels).detach()
    known = torch.ones_like(labels, dtype=torch.bool)
    known[..., 7:] = False
    loss = module("SoftClDice", complement=True, **SHARED)
    torch.testing.assert_close(loss(logits, labels, mask=known), loss(logits[..., :7], labels[..., :7]))


def tube_with_a_hole() -> tuple[Tensor, Tensor]:
    """A vessel five wide from border to border, and a mask whose unknown block reaches its middle line from above."""
    vessel = torch.zeros(1, 1, 11, 21)
    vessel[..., 3:8, :] = 1.0
    mask = torch.ones(1, 1, 11, 21, dtype=torch.bool)
    mask[..., :5, 8:13] = False
    return vessel, mask


def test_a_skeleton_by_hand_has_no_wall_at_unknown_voxels():
    vessel, mask = tube_with_a_hole()
    lowered = soft_skeleton(vessel * mask, 5)
    skeleton = soft_skeleton(vessel, 5, mask=mask)
    middle = torch.zeros_like(vessel)
    middle[..., 5, :] = 1.0
    assert torch.equal(soft_skeleton(vessel, 5), middle)
    assert torch.equal(skeleton, middle)  # the middle line lies below the block and is whole
    assert not torch.equal(lowered * mask, middle)  # as background, the block bends it


def test_distances_by_hand_have_no_wall_at_unknown_voxels():
    vessel, mask = tube_with_a_hole()
    distance = signed_distance(vessel, 0.5, mask=mask)
    assert not distance[~mask].any()
    # Straight up there is no wall any more: down to row 8, 3 voxels of half a millimetre.
    assert distance[0, 0, 5, 10].item() == -1.5
    assert distance[0, 0, 5, 0].item() == -1.5
    assert distance[0, 0, 9, 10].item() == 1.0
    thin = torch.zeros(1, 1, 1, 6)
    thin[..., :3] = 1.0
    known = torch.tensor([[[[True, True, True, False, True, True]]]])
    assert signed_distance(thin, mask=known)[0, 0, 0].tolist() == [-4.0, -3.0, -2.0, 0.0, 2.0, 3.0]


def test_a_perfect_prediction_of_what_is_known_is_perfect():
    vessel, mask = tube_with_a_hole()
    painted = torch.where(mask, vessel, 1.0 - vessel)  # all wrong where nobody knows
    for loss in (soft_cldice_loss, topo_cldice_loss, cbdice_loss, dice_loss, tversky_loss, generalised_dice_loss):
        assert loss(painted, vessel, mask=mask).item() == 0.0, loss.__name__
        assert loss(painted, vessel).item() > 0.0, loss.__name__
    assert centreline_cross_entropy_loss(painted, vessel, mask=mask).item() == 0.0
    assert skeleton_recall_loss(painted, vessel.bool(), mask=mask).item() == -1.0
    assert boundary_loss(painted, vessel, mask=mask) == boundary_loss(vessel, vessel, mask=mask)


def test_a_tube_goes_on_where_nobody_knows():
    vessel = torch.zeros(1, 1, 7, 20)
    vessel[..., 2:5, :] = 1.0
    known = torch.ones(1, 1, 7, 20, dtype=torch.bool)
    known[..., 8:12] = False
    # The middle line is covered, and nothing else: a tube that ended at the block would leave it.
    middle = torch.from_numpy(tubed_skeleton(vessel[0, 0].bool().numpy(), 0))[None, None].float()
    loss = SkeletonRecall(activation=None, radius=0)
    assert loss(middle, vessel, mask=known).item() == -1.0
    assert loss(middle, vessel * known).item() > -1.0
    # Beyond, voxels are as the nearest known ones.
    beyond = continued(vessel.cumsum(-1), known)
    assert torch.equal(beyond[..., 8:12], vessel.cumsum(-1)[..., [7, 7, 12, 12]])
    assert continued(vessel, None) is vessel
    nothing = torch.zeros_like(known)
    assert torch.equal(continued(vessel, nothing), vessel)


def test_a_gap_that_nobody_has_seen_is_no_gap():
    """Of pieces, holes and ends, none is made by what is unknown."""
    vessel = torch.zeros(1, 1, 7, 21)
    vessel[..., 3, :] = 1.0
    known = torch.ones(1, 1, 7, 21, dtype=torch.bool)
    known[..., 8:12] = False
    gap = vessel.masked_fill(~known, 0.0)
    for name in sorted({"Warping", "Topograph", "BettiMatching", "PersistentHomology"} & set(NAMES)):
        loss = module(name, activation=None)
        assert loss(gap, vessel).item() > 0.0
        assert loss(gap, vessel, mask=known).item() == 0.0, name
        # Nor is a gap that was seen hidden by it.
        seen = gap.clone()
        seen[..., 14] = 0.0
        assert loss(seen, vessel, mask=known).item() > 0.0, name


def test_anchors_where_nobody_knows():
    torch.manual_seed(0)
    scale_map = torch.tensor([[[[1, 1, 2, 2], [1, 2, 0, 0]]]])
    unknown = torch.tensor([[[[True, False, False, True], [False, False, True, False]]]])
    for head, mode, drawn in (
        ("shared", "dense", False),
        ("per_scale", "masked", False),
        ("per_scale", "dense", True),
    ):
        vectors = [torch.nn.functional.normalize(torch.randn(1, 3, 2, 4), dim=1) for _ in range(2)]
        given = [each.requires_grad_() for each in vectors[: 1 if head == "shared" else 2]]
        loss = Contrast(2, head=head, anchors=AnchorSettings(mode=mode))
        gradients = torch.autograd.grad(loss(given, scale_map, mask=~unknown), given)
        for gradient in gradients:
            assert gradient[~unknown.expand_as(gradient)].any()
            assert gradient[unknown.expand_as(gradient)].any().item() is drawn, (head, mode)


@pytest.mark.parametrize("mask", [torch.ones(1, 2, 3, 4).bool(), torch.ones(1, 3, 4).bool(), torch.ones(1, 1, 3, 4)])
def test_masks_that_do_not_fit_are_refused(mask):
    probabilities, target = torch.full((1, 2, 3, 4), 0.5), torch.zeros(1, 2, 3, 4)
    with pytest.raises(ValueError, match=r"mask: expected bool \(1, 1, 3, 4\), True where a voxel counts, got torch"):
        dice_loss(probabilities, target, mask=mask)
    with pytest.raises(ValueError, match=r"mask: expected bool \(1, 1, 3, 4\)"):
        binary_cross_entropy(probabilities, target, mask=mask)
    with pytest.raises(ValueError, match=r"mask: expected bool \(1, 1, 3, 4\)"):
        signed_distance(target, mask=mask)
