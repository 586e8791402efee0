"""Soft Dice: the overlap part of L_mt and L_s in Sadikine et al. 2023, Eq. 5."""

from torch import Tensor

from ramify.losses.checks import known_part
from ramify.losses.scale_balance import balanced_over_scales
from ramify.losses.volume_sums import volume_sums


def dice_loss(
    probabilities: Tensor,
    target: Tensor,
    *,
    over_batch: bool = False,
    epsilon: float = 1e-5,
    scales: Tensor | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """One minus the soft Dice coefficient, 1 - (2 Σ p y + ε) / (Σ p + Σ y + ε), averaged over channels and samples.

    Milletari et al. 2016, with plain sums in the denominator. A perfect binary prediction gives exactly 0, and so does
    an empty prediction of an empty target; any other prediction of an empty target gives nearly 1.

    With scales, the recall is the mean of those of the scales that are there (`balanced_over_scales`), and false
    alarms, which are of no scale, count in the precision alone: 1 - 2 P R / (P + R) with
    P = (Σ p y + ε/2) / (Σ p + ε/2), R = (Σ w p + ε/2) / (Σ w + ε/2) and w = y N / (S' N_s). Where one scale alone is
    there, that is the formula above.

    Args:
        probabilities: (B, C, *S) in [0, 1], any floating type; computed in float32 or better.
        target: (B, C, *S) in [0, 1] or bool.
        over_batch: take the sums over the batch too, rather than for each sample.
        epsilon: ε in voxels.
        scales: bool (B, S, *S), where each scale is, to count alike; None: every voxel does.
        mask: bool (B, 1, *S), the voxels that count; None: all do.

    Raises ValueError where shapes differ or are empty, or probabilities leave [0, 1] (as logits do, and NaN).

    Examples:
        >>> import torch
        >>> from ramify.losses import dice_loss
        >>> target = torch.tensor([[[1.0, 1.0, 0.0, 0.0]]])
        >>> probabilities = torch.tensor([[[1.0, 0.0, 0.0, 0.0]]])
        >>> round(dice_loss(probabilities, target).item(), 3)  # 1 - 2 * 1 / (1 + 2)
        0.333
    """
    probabilities, target = known_part(probabilities, target, mask)
    target = target.to(probabilities.dtype)
    overlap = volume_sums(probabilities * target, over_batch)
    predicted = volume_sums(probabilities, over_batch)
    if scales is None:
        size = predicted + volume_sums(target, over_batch)
        return (1.0 - (2.0 * overlap + epsilon) / (size + epsilon)).mean()

    weights = balanced_over_scales(target, scales, over_batch)
    found, sought = volume_sums(weights * probabilities, over_batch), volume_sums(weights, over_batch)
    precision = (overlap + epsilon / 2.0) / (predicted + epsilon / 2.0)
    recall = (found + epsilon / 2.0) / (sought + epsilon / 2.0)
    return (1.0 - 2.0 * precision * recall / (precision + recall)).mean()
