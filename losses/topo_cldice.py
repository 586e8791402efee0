"""Topo-clDice: soft-clDice over the skeleton that keeps the topology."""

import torch
from torch import Tensor

from ramify.losses.centreline_dice import centreline_dice
from ramify.losses.checks import known_part
from ramify.losses.continuation import continued
from ramify.losses.term_settings import SimplePointRule
from ramify.losses.topological_thinning import binary_skeleton, topological_skeleton


def topo_cldice_loss(
    probabilities: Tensor,
    target: Tensor,
    *,
    iterations: int = 10,
    smooth: float = 1.0,
    temperature: float = 1.0,
    noise_scale: float = 0.33,
    simple_points: SimplePointRule = "boolean",
    over_batch: bool = False,
    generator: torch.Generator | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """One minus the centreline Dice of topology-preserving skeletons, averaged over channels and samples.

    Shit et al. 2021, Algorithm 2, with the skeleton of Menten et al. 2023. A perfect binary prediction gives exactly 0,
    and so does an empty prediction of an empty target. With Tprec the gradient reaches probabilities through the
    skeleton of a random sample, with Tsens directly; where the target is empty only the first is there.

    Args:
        probabilities: (B, C, *S) in [0, 1] with two or three axes S, any floating type; computed in float32 or better.
        target: (B, C, *S) in [0, 1] or bool; its skeleton is that of the voxels above 1/2.
        iterations: rounds of thinning, at least 1.
        smooth: ε > 0 of both ratios, in voxels.
        temperature, noise_scale, simple_points: see `topological_skeleton`.
        over_batch: take the sums over the batch too, rather than for each sample.
        generator: of the random sample; equal states give equal losses and gradients.
        mask: bool (B, 1, *S), the voxels that count. Vessels are thinned as if they went on beyond, each voxel there as
            the nearest known one, and what is beyond of their skeletons is left out. None: all do.

    Raises ValueError as `topological_skeleton` does, and where shapes differ.

    Examples:
        >>> import torch
        >>> from ramify.losses import topo_cldice_loss
        >>> target = torch.zeros(1, 1, 5, 9)
        >>> target[..., 2, 1:8] = 1.0  # a vessel of seven voxels
        >>> gap = target.clone()
        >>> gap[..., 2, 4] = 0.0
        >>> round(topo_cldice_loss(gap, target).item(), 3)  # of 0 and 1 nothing is random
        0.067
    """
    probabilities, target = known_part(probabilities, target, mask)
    skeleton = topological_skeleton(
        continued(probabilities, mask),
        iterations,
        temperature=temperature,
        noise_scale=noise_scale,
        simple_points=simple_points,
        generator=generator,
    )
    target_skeleton = binary_skeleton(continued(target > 0.5, mask), iterations, simple_points=simple_points)
    if mask is not None:
        skeleton, target_skeleton = skeleton * mask, target_skeleton & mask
    return (1.0 - centreline_dice(skeleton, probabilities, target_skeleton, target, smooth, over_batch)).mean()
