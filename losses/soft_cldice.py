"""Soft-clDice: centrelines inside each other's vessels, by skeletons that pooling makes (Shit et al. 2021)."""

import math
from functools import partial

from torch import Tensor

from ramify.losses.centreline_dice import centreline_dice
from ramify.losses.checks import known_part
from ramify.losses.dice import dice_loss
from ramify.losses.few_channels import mean_by_channels
from ramify.losses.soft_skeletonisation import (
    check_skeleton,
    is_binary,
    unchecked_soft_skeleton,
    warn_degenerate,
)
from ramify.losses.term_settings import Variant


def soft_cldice_loss(
    probabilities: Tensor,
    target: Tensor,
    *,
    iterations: int = 10,
    smooth: float = 1.0,
    variant: Variant = "cvpr",
    complement: bool = False,
    over_batch: bool = False,
    scales: Tensor | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """One minus the centreline Dice of soft skeletons, averaged over channels and samples.

    Shit et al. 2021, Algorithm 2: 1 - 2 Tprec Tsens / (Tprec + Tsens), Tprec = (Σ S_P V_L + ε) / (Σ S_P + ε) and
    Tsens = (Σ S_L V_P + ε) / (Σ S_L + ε). A perfect binary prediction gives exactly 0, and so does an empty prediction
    of an empty target; where only one of the two is empty, the loss nears 1 as its skeleton grows beyond ε voxels. The
    skeleton of a volume that is full is empty too.

    Args:
        probabilities: (B, C, *S) in [0, 1], 2D or 3D, any floating type; computed in float32 or better.
        target: (B, C, *S) in [0, 1] or bool. No gradient reaches it.
        iterations, variant: see `soft_skeleton`.
        smooth: ε > 0 of both ratios, in voxels.
        complement: the mean of this loss and that of 1 - probabilities and 1 - target.
        over_batch: take the sums over the batch too, rather than for each sample.
        scales: bool (B, S, *S), where each scale is: Tsens is then the mean over the scales that the target's skeleton
            has (see `centreline_dice`); None: every voxel of it counts alike. The complement has no scales.
        mask: bool (B, 1, *S), the voxels that count: as for `soft_skeleton`, the volume ends with them. None: all do.

    Raises ValueError where shapes differ, values leave [0, 1], or an argument is out of range. The workshop's variant
    warns of a binary target, whose skeleton it leaves empty.

    Examples:
        >>> import torch
        >>> from ramify.losses import soft_cldice_loss
        >>> target = torch.zeros(1, 1, 5, 9)
        >>> target[..., 2, 1:8] = 1.0  # a vessel of seven voxels
        >>> gap = target.clone()
        >>> gap[..., 2, 4] = 0.0
        >>> round(soft_cldice_loss(gap, target).item(), 3)  # Tprec 1, Tsens (6 + 1) / (7 + 1)
        0.067
    """
    probabilities, target = known_part(probabilities, target, mask)
    check_skeleton(probabilities, iterations, variant)
    if not 0.0 < smooth < math.inf:
        raise ValueError(f"smooth: expected a number above 0, got {smooth}")
    target = target.detach().to(probabilities.dtype)
    if variant == "workshop" and is_binary(target):
        warn_degenerate()
    loss = partial(_loss, iterations=iterations, smooth=smooth, variant=variant, over_batch=over_batch, mask=mask)
    of_channels = loss(probabilities, target, scales=scales)
    if not complement:
        return of_channels
    others = [1.0 - values if mask is None else (1.0 - values) * mask for values in (probabilities, target)]
    return (of_channels + loss(*others, scales=None)) / 2.0


def dice_soft_cldice_loss(
    probabilities: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.5,
    iterations: int = 10,
    smooth: float = 1.0,
    variant: Variant = "cvpr",
    complement: bool = False,
    over_batch: bool = False,
    scales: Tensor | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """(1 - α) (1 - softDice) + α (1 - softclDice): Shit et al. 2021, Eq. 3.

    Args:
        alpha: α in [0, 0.5], the share of soft-clDice.
        smooth: ε of soft-clDice's ratios and of soft Dice, in voxels.

    The other arguments are those of `soft_cldice_loss`, and so are the errors. Soft Dice is that of the foreground.

    Examples:
        >>> import torch
        >>> from ramify.losses import dice_soft_cldice_loss
        >>> target = torch.zeros(1, 1, 5, 9)
        >>> target[..., 2, 1:8] = 1.0  # a vessel of seven voxels
        >>> gap = target.clone()
        >>> gap[..., 2, 4] = 0.0
        >>> round(dice_soft_cldice_loss(gap, target, alpha=0.5).item(), 3)  # half of 1/14, half of 1/15
        0.069
    """
    if not 0.0 <= alpha <= 0.5:
        raise ValueError(f"alpha: expected a number in [0, 0.5], got {alpha}")
    cldice = soft_cldice_loss(
        probabilities,
        target,
        iterations=iterations,
        smooth=smooth,
        variant=variant,
        complement=complement,
        over_batch=over_batch,
        scales=scales,
        mask=mask,
    )
    dice = dice_loss(probabilities, target, over_batch=over_batch, epsilon=smooth, scales=scales, mask=mask)
    return (1.0 - alpha) * dice + alpha * cldice


def _loss(
    probabilities: Tensor,
    target: Tensor,
    *,
    iterations: int,
    smooth: float,
    variant: Variant,
    over_batch: bool,
    scales: Tensor | None,
    mask: Tensor | None,
) -> Tensor:
    """Of the channels as they are, a few at a time: what the rounds keep does not grow with the number of classes."""

    def mean_of_channels(truth: Tensor, own: Tensor) -> Tensor:
        # The target's first: what its rounds need is gone before those of the prediction keep anything.
        target_skeleton = unchecked_soft_skeleton(truth, iterations, variant, mask)
        skeleton = unchecked_soft_skeleton(own, iterations, variant, mask)
        return (1.0 - centreline_dice(skeleton, own, target_skeleton, truth, smooth, over_batch, scales)).mean()

    return mean_by_channels(mean_of_channels, probabilities, target)
