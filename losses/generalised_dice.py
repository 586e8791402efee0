"""Generalised Dice: one overlap of all classes, the rare ones weighed up by their volume (Sudre et al. 2017)."""

import torch
from torch import Tensor

from ramify.losses.checks import known_part
from ramify.losses.volume_sums import volume_sums


def generalised_dice_loss(
    probabilities: Tensor,
    target: Tensor,
    *,
    complement: bool = True,
    over_batch: bool = False,
    epsilon: float = 1e-5,
    mask: Tensor | None = None,
) -> Tensor:
    """1 - 2 Σ_c w_c Σ p_c y_c / Σ_c w_c Σ (p_c + y_c) with w_c = 1 / (Σ y_c)², averaged over samples.

    Sudre et al. 2017. The classes share one fraction, so this is no mean over channels: an error in a class costs in
    inverse proportion to its volume. The background is a class too: y_0 = 1 - Σ_c y_c, p_0 = 1 - Σ_c p_c, cut at 0.
    That is what a softmax leaves for it and what a sigmoid of one class does; where several channels overlap, such as
    regions within regions, leave it out.

    Weights are divided by the largest, so that ε is in voxels of the rarest class, whatever the size of the patch. A
    class that is absent from the truth has no weight by the formula; it gets that of the rarest class that is there, so
    that false alarms of it count. A perfect binary prediction gives exactly 0, and so does an empty one of an empty
    target.

    Args:
        probabilities: (B, C, *S) in [0, 1], any floating type; computed in float32 or better.
        target: (B, C, *S) in [0, 1] or bool.
        complement: add the class of what is in no channel.
        over_batch: take the sums, and with them the weights, over the batch too, rather than for each sample.
        epsilon: ε > 0, in voxels of the rarest class.
        mask: bool (B, 1, *S), the voxels that count: the others are no background either; None: all do.

    Returns:
        A scalar in [0, 1].

    Raises ValueError where shapes differ or are empty, or probabilities leave [0, 1] (as logits do, and NaN).

    Examples:
        >>> import torch
        >>> from ramify.losses import generalised_dice_loss
        >>> target = torch.tensor([[[1.0, 0.0, 0.0]]])
        >>> probabilities = torch.tensor([[[1.0, 1.0, 0.0]]])
        >>> round(generalised_dice_loss(probabilities, target).item(), 3)  # 1 - 2 (1 + 1/4) / (3 + 3/4)
        0.333
    """
    probabilities, target = known_part(probabilities, target, mask)
    target = target.to(probabilities.dtype)
    if complement:
        probabilities, target = _with_background(probabilities, mask), _with_background(target, mask)
    volumes = volume_sums(target, over_batch)
    overlap = volume_sums(probabilities * target, over_batch)
    total = volume_sums(probabilities, over_batch) + volumes
    present = volumes > 0
    rarest = volumes.where(present, torch.inf).amin(1, keepdim=True)
    # The square of a ratio of at most 1: volumes of 10^7 voxels squared would not fit into half of float32's digits.
    weights = torch.where(present, rarest / volumes.where(present, 1.0), 1.0) ** 2
    numerator, denominator = 2.0 * (weights * overlap).sum(1), (weights * total).sum(1)
    return (1.0 - (numerator + epsilon) / (denominator + epsilon)).mean()


def _with_background(values: Tensor, mask: Tensor | None) -> Tensor:
    """The channels (B, C, *S) after what they leave of 1."""
    background = (1.0 - values.sum(1, keepdim=True)).clamp(min=0.0)
    if mask is not None:
        background = background.masked_fill(~mask, 0.0)
    return torch.cat([background, values], dim=1)
