"""The objective of the method on nnU-Net's network."""

import pytest
import torch
from torch import nn

from ramify.losses import binary_cross_entropy, dice_loss
from ramify.nnunet.scale_network import ScaleOutputs
from ramify.nnunet.scale_objective import ScaleObjective, settings_of

WEIGHTS = (0.5, 2.0)


class Own(nn.Module):
    """nnU-Net's loss of all resolutions: here a number, and what it was given."""

    def forward(self, output, target):
        self.seen = output, target
        return torch.tensor(10.0)


def objective(contrast=0.0, **options):
    """For two scales."""
    return ScaleObjective(Own(), settings_of(WEIGHTS, contrast, 0.3, 1, over_batch=False), 2, **options)


def levels(sizes=((4, 8), (2, 4))):
    """Logits of the main task and of the scales at each resolution."""
    generator = torch.Generator().manual_seed(0)
    main = [torch.randn(2, 2, *size, generator=generator) for size in sizes]
    scales = tuple(torch.randn(2, 2, *size, generator=generator).requires_grad_() for size in sizes)
    return main, scales


def targets(sizes=((4, 8), (2, 4))):
    """Labels and, last, the scale of each voxel."""
    generator = torch.Generator().manual_seed(1)
    scale_maps = [torch.randint(0, 3, (2, 1, *size), generator=generator, dtype=torch.int16) for size in sizes]
    return [torch.cat(((scales > 0).short(), scales), dim=1) for scales in scale_maps]


def by_hand(logits, scale_map, known=None):
    """Σ λ (Dice + cross-entropy) of each scale."""
    total = 0.0
    for number, weight in enumerate(WEIGHTS):
        own, mask = logits[:, number : number + 1], scale_map == number + 1
        probabilities = torch.sigmoid(own)
        if known is not None:
            probabilities = probabilities * known
        entropy = binary_cross_entropy(own, mask, mask=known)
        total += weight * (dice_loss(probabilities, mask) + entropy)
    return total


def test_scales_are_added_at_each_resolution_with_nnunets_weights():
    main, scales = levels()
    target = targets()
    loss = objective(level_weights=(0.7, 0.3))
    value = loss(ScaleOutputs(main, scales, None), target)
    expected = 10.0 + sum(w * by_hand(logits, t[:, 1:]) for w, logits, t in zip((0.7, 0.3), scales, target))
    assert value.item() == pytest.approx(expected.item(), rel=1e-6)
    seen, own_targets = loss.own.seen
    assert seen is main
    assert [tuple(own.shape) for own in own_targets] == [(2, 1, 4, 8), (2, 1, 2, 4)]


def test_a_resolution_of_weight_0_is_left_out_and_without_deep_supervision_there_is_one():
    main, scales = levels()
    objective(level_weights=(1.0, 0.0))(ScaleOutputs(main, scales, None), targets()).backward()
    assert scales[1].grad is None
    main, scales = levels(((4, 8),))
    (target,) = targets(((4, 8),))
    loss = objective()
    value = loss(ScaleOutputs(main[0], scales, None), target)
    assert value.item() == pytest.approx(10.0 + by_hand(scales[0], target[:, 1:]).item(), rel=1e-6)
    assert loss.own.seen[1].shape == (2, 1, 4, 8)


@pytest.mark.parametrize("regions", [False, True])
def test_what_nobody_labelled_counts_for_no_scale(regions):
    main, scales = levels(((4, 8),))
    (target,) = targets(((4, 8),))
    target[:, 0, :2] = 3
    target[:, 1, :2] = 0
    ignored = target[:, :1] == 3
    if regions:
        target = torch.cat((target[:, :1] == 1, target[:, :1] == 1, ignored, target[:, 1:]), dim=1).short()
    loss = objective(regions=regions, ignore_label=3)
    value = loss(ScaleOutputs(main[0], scales, None), target)
    expected = by_hand(scales[0], target[:, -1:], ~ignored)
    assert value.item() == pytest.approx(10.0 + expected.item(), rel=1e-6)
    value.backward()
    assert not scales[0].grad[:, :, :2].any()
    assert loss.own.seen[1].dtype == (torch.bool if regions else torch.int16)


def test_the_contrast_is_of_the_finest_truth_and_draws_alike():
    main, scales = levels(((4, 8),))
    target = targets(((4, 8),))[0]
    projection = nn.functional.normalize(torch.randn(2, 4, 2, 4, generator=torch.Generator().manual_seed(2)), dim=1)
    without = objective()(ScaleOutputs(main[0], scales, projection), target)
    values = [objective(contrast=0.5)(ScaleOutputs(main[0], scales, projection), target) for _ in range(2)]
    assert values[0] == values[1] > without
    with torch.no_grad():
        own = ScaleObjective(Own(), settings_of(WEIGHTS, 1.0, 0.3, 1, over_batch=False), 2)
        double = own(ScaleOutputs(main[0], scales, projection), target)
    assert (double - without).item() == pytest.approx(2 * (values[0] - without).item(), rel=1e-5)


def test_what_is_no_training_output_has_nnunets_loss():
    loss = objective(contrast=0.5)
    output, target = [torch.zeros(1, 2, 4, 8)], [torch.zeros(1, 1, 4, 8)]
    assert loss(output, target).item() == 10.0
    assert loss.own.seen == (output, target)


def test_weights_that_do_not_fit_the_scales_are_told():
    with pytest.raises(ValueError, match="lambda_scales: expected 3 weights for 3 scales"):
        ScaleObjective(Own(), settings_of(WEIGHTS, 0.1, 0.3, 1, over_batch=False), 3)
