"""Loss modules beside those of MONAI, where both mean the same."""

import pytest
import torch
from monai.losses import DiceCELoss, DiceLoss, GeneralizedDiceLoss, SoftclDiceLoss, TverskyLoss

from tests.losses.modules.table import labels_of, logits_for, module, value_and_gradient

SMALL = {"smooth_nr": 1e-5, "smooth_dr": 1e-5}


@pytest.mark.parametrize("over_batch", [False, True])
@pytest.mark.parametrize("drop_background", [False, True])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_dice_and_tversky_are_those_of_monai(activation, drop_background, over_batch):
    labels = labels_of((4, 12, 10))
    logits = logits_for(labels)
    shared = {"activation": activation, "to_onehot": True, "drop_background": drop_background, "over_batch": over_batch}
    theirs = {
        "to_onehot_y": True,
        activation: True,
        "include_background": not drop_background,
        "batch": over_batch,
        **SMALL,
    }
    pairs = [
        (module("Dice", **shared), DiceLoss(**theirs)),
        (module("Tversky", gamma=1.0, **shared), TverskyLoss(alpha=0.3, beta=0.7, **theirs)),
    ]
    if activation == "softmax":
        pairs.append((module("DiceCrossEntropy", **shared), DiceCELoss(**theirs)))
    for own, their in pairs:
        expected = value_and_gradient(their, logits, labels)
        torch.testing.assert_close(value_and_gradient(own, logits, labels), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("drop_background", [False, True])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_generalised_dice_is_that_of_monai(activation, drop_background):
    labels = labels_of()
    logits = logits_for(labels).detach()
    theirs = GeneralizedDiceLoss(
        to_onehot_y=True,
        include_background=not drop_background,
        smooth_nr=0.0,
        smooth_dr=0.0,
        **{activation: True},
    )(logits, labels)
    shared = {"activation": activation, "to_onehot": True, "drop_background": drop_background}
    own = module("GeneralisedDice", complement=False, **shared)(logits, labels)
    torch.testing.assert_close(own, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(12, 18), (4, 12, 10)])
def test_soft_cldice_of_one_class_is_that_of_monai(size):
    """Of several, theirs takes the skeletons of all together where ours is a mean over classes."""
    labels = labels_of(size).clamp(max=1)
    logits = logits_for(labels, channels=2)
    theirs = SoftclDiceLoss(iter_=3, smooth=1e-12, softmax=True, to_onehot_y=True, include_background=False)
    expected = value_and_gradient(theirs, logits, labels)
    own = module("SoftClDice", to_onehot=True, drop_background=True)
    torch.testing.assert_close(value_and_gradient(own, logits, labels), expected, rtol=1e-4, atol=1e-6)


def test_what_nnunet_ignores_is_ignored():
    """Its Dice multiplies by the mask, its cross-entropy is the mean over labelled voxels: by hand."""
    labels = labels_of()
    logits = logits_for(labels).detach()
    mask = torch.rand(labels.shape, generator=torch.Generator().manual_seed(2)) > 0.4
    ignored = labels.masked_fill(~mask, 3)
    probabilities = torch.softmax(logits, 1)[:, 1:]
    target = torch.cat([labels == 1, labels == 2], dim=1).float()
    axes = (0, 2, 3)
    overlap, size = (probabilities * target * mask).sum(axes), ((probabilities + target) * mask).sum(axes)
    dice = -((2 * overlap + 1e-5) / (size + 1e-5)).mean()
    entropy = torch.nn.functional.cross_entropy(logits, ignored[:, 0], ignore_index=3)
    shared = {"to_onehot": True, "drop_background": True, "ignore_label": 3, "over_batch": True}
    torch.testing.assert_close(module("DiceCrossEntropy", **shared)(logits, ignored), 1.0 + dice + entropy)
