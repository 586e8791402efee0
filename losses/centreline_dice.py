"""Centreline Dice of two skeletons: the overlap that the differentiable skeletons are made for."""

from torch import Tensor

from ramify.losses.precision import at_least_float32
from ramify.losses.scale_balance import balanced_over_scales
from ramify.losses.volume_sums import volume_sums


def centreline_dice(
    skeleton: Tensor,
    probabilities: Tensor,
    target_skeleton: Tensor,
    target: Tensor,
    smooth: float,
    over_batch: bool,
    scales: Tensor | None = None,
) -> Tensor:
    """Harmonic mean of topology precision and sensitivity (Shit et al. 2021, Algorithm 2), for each sample and channel.

    Tprec = (Σ S_P V_L + ε) / (Σ S_P + ε), Tsens = (Σ S_L V_P + ε) / (Σ S_L + ε), and their harmonic mean.
    A perfect binary prediction gives exactly 1, and so do an empty prediction and an empty target; where only one of
    the two is empty the value nears 0 as ε / (Σ S + ε) does.

    With scales, S_L in Tsens is weighed so that every scale it has counts alike (`balanced_over_scales`): without ε
    that is the mean of the scales' own sensitivities. Tprec is of the whole: what is predicted amiss is of no scale.

    Args:
        skeleton: (B, C, *S) S_P in [0, 1], the prediction's skeleton.
        probabilities: (B, C, *S) V_P in [0, 1].
        target_skeleton: (B, C, *S) S_L in [0, 1] or bool.
        target: (B, C, *S) V_L in [0, 1] or bool.
        smooth: ε > 0, in voxels.
        scales: bool (B, S, *S), where each scale is, to count alike; None: every voxel of the skeleton does.
        over_batch: take the sums over the batch too, rather than for each sample.

    Returns:
        (B, C), or (1, C) where the batch counts as one volume; in float32 or better.
    """
    skeleton, probabilities = at_least_float32(skeleton), at_least_float32(probabilities)
    target_skeleton, target = target_skeleton.to(skeleton.dtype), target.to(skeleton.dtype)
    precision = _share_within(skeleton, target, smooth, over_batch)
    if scales is not None:
        target_skeleton = balanced_over_scales(target_skeleton, scales, over_batch)
    sensitivity = _share_within(target_skeleton, probabilities, smooth, over_batch)
    return 2.0 * precision * sensitivity / (precision + sensitivity)


def _share_within(skeleton: Tensor, volume: Tensor, smooth: float, over_batch: bool) -> Tensor:
    """The part of a skeleton that lies in a volume."""
    inside = volume_sums(skeleton * volume, over_batch)
    return (inside + smooth) / (volume_sums(skeleton, over_batch) + smooth)
