"""Tversky and focal Tversky: a Dice whose false alarms and misses weigh as one wants."""

import torch
from torch import Tensor

from ramify.losses.checks import known_part
from ramify.losses.term_settings import check_weights
from ramify.losses.volume_sums import volume_sums

# Below it a power with an infinite slope at 0 is continued by a straight line; an index of 0.999999 is perfect enough.
STRAIGHT_BELOW = 1e-6


def tversky_loss(
    probabilities: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 1.0,
    over_batch: bool = False,
    epsilon: float = 1e-5,
    mask: Tensor | None = None,
) -> Tensor:
    """(1 - TI)^(1/γ) with the Tversky index TI = TP / (TP + α FP + β FN), averaged over channels and samples.

    Salehi et al. 2017, with TP = Σ p y, FP = Σ p (1 - y), FN = Σ (1 - p) y; focal by Abraham and Khan 2019, Eq. 4. α
    weighs false alarms and β misses, as Salehi et al. have it (Abraham and Khan swap the two letters). The
    exponent is 1/γ, as printed by Abraham and Khan, so their γ = 4/3 is a power of 3/4; much code, theirs included,
    calls the power itself gamma. The power is taken of each channel and sample, before the mean.

    ε enters as in `dice_loss`, (2 TP + ε) / (2 TP + 2α FP + 2β FN + ε), so that α = β = 0.5 and γ = 1 are that loss. A
    perfect binary prediction gives exactly 0, and so does an empty prediction of an empty target; any other prediction
    of an empty target gives nearly 1 where α > 0.

    Where γ > 1 the slope grows without bound near 0. Below 1 - TI = 1e-6 the power is therefore continued by the
    straight line to 0: the gradient is finite everywhere, at a perfect prediction too.

    Args:
        probabilities: (B, C, *S) in [0, 1], any floating type; computed in float32 or better.
        target: (B, C, *S) in [0, 1] or bool.
        alpha: α ≥ 0.
        beta: β ≥ 0; not both 0.
        gamma: γ > 0.
        over_batch: take the sums over the batch too, rather than for each sample.
        epsilon: ε in voxels.
        mask: bool (B, 1, *S), the voxels that count; None: all do.

    Raises ValueError where shapes differ or are empty, probabilities leave [0, 1] (as logits do, and NaN), or a weight
    is out of range.

    Examples:
        >>> import torch
        >>> from ramify.losses import tversky_loss
        >>> target = torch.tensor([[[1.0, 1.0, 0.0, 0.0]]])
        >>> probabilities = torch.tensor([[[1.0, 0.0, 0.0, 0.0]]])
        >>> round(tversky_loss(probabilities, target).item(), 3)  # 1 - 1 / (1 + 0.7 * 1)
        0.412
    """
    check_weights(alpha, beta, gamma)
    probabilities, target = known_part(probabilities, target, mask)
    target = target.to(probabilities.dtype)
    hits = volume_sums(probabilities * target, over_batch)
    false_alarms = volume_sums(probabilities, over_batch) - hits
    misses = volume_sums(target, over_batch) - hits
    errors = 2.0 * alpha * false_alarms + 2.0 * beta * misses
    # 1 - TI without the subtraction, which would leave nothing but rounding of a good prediction's small loss.
    return _power(errors / (2.0 * hits + errors + epsilon), 1.0 / gamma).mean()


def _power(values: Tensor, exponent: float) -> Tensor:
    """values ** exponent for values ≥ 0, with a finite slope at 0."""
    if exponent == 1.0:
        return values
    if exponent > 1.0:
        return values**exponent
    straight = values * STRAIGHT_BELOW ** (exponent - 1.0)
    return torch.where(values < STRAIGHT_BELOW, straight, values.clamp(min=STRAIGHT_BELOW) ** exponent)
