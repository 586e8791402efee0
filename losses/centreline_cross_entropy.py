"""Centreline cross-entropy, clCE: cross-entropy on the soft skeletons of truth and prediction (Acebes et al. 2024)."""

from torch import Tensor

from ramify.losses.checks import known_part
from ramify.losses.few_channels import mean_by_channels
from ramify.losses.soft_skeletonisation import check_skeleton, unchecked_soft_skeleton
from ramify.losses.volume_sums import mean_of_known
from ramify.losses.voxel_cross_entropy import voxel_cross_entropy


def centreline_cross_entropy_loss(
    probabilities: Tensor, target: Tensor, *, iterations: int = 10, mask: Tensor | None = None
) -> Tensor:
    """mean(H ∘ S_L) + mean(H ∘ S_P), H the cross-entropy of each voxel, S_L and S_P the soft skeletons of truth and
    prediction; averaged over channels and samples.

    Acebes et al. 2024, with the skeleton of Shit et al. 2021. The first part asks that the truth's centrelines be
    found, the second that those of the prediction be true. As in the authors' code, the means are over all voxels of
    the volume, so that the loss shrinks with the share of the centrelines in it: weigh it up (theirs is 1 beside
    cross-entropy). The gradient goes through H and through S_P.

    Every channel against the rest, H = -(y log p + (1 - y) log(1 - p)). For one class that is the paper's two-class
    softmax; theirs has no several classes (its code multiplies by the skeleton of the first).

    Args:
        probabilities: (B, C, *S) in [0, 1], 2D or 3D, any floating type; computed in float32 or better.
        target: (B, C, *S) in [0, 1] or bool. No gradient reaches it.
        iterations: rounds of the soft skeleton; see `soft_skeleton`.
        mask: bool (B, 1, *S), the voxels that count: as for `soft_skeleton`, the volume ends with them, and the means
            are over them. None: all do.

    Returns:
        A scalar of at least 0; exactly 0 for a perfect binary prediction, which an empty one of an empty target is.

    Raises ValueError where shapes differ, values leave [0, 1] (as logits do, and NaN), S has other than two or three
    axes, or iterations are out of range.

    Examples:
        >>> import torch
        >>> from ramify.losses import centreline_cross_entropy_loss
        >>> target = torch.zeros(1, 1, 5, 9)
        >>> target[..., 2, 1:8] = 1.0  # a vessel of seven voxels
        >>> gap = target.clone()
        >>> gap[..., 2, 4] = 0.5
        >>> # log 2 over 45 voxels: of S_L a whole voxel, of S_P a half
        >>> round(centreline_cross_entropy_loss(gap, target).item(), 4)
        0.0231
    """
    probabilities, target = known_part(probabilities, target, mask)
    check_skeleton(probabilities, iterations, "cvpr")
    target = target.detach().to(probabilities.dtype)

    def mean_of_channels(truth: Tensor, own: Tensor) -> Tensor:
        skeletons = unchecked_soft_skeleton(truth, iterations, "cvpr", mask)
        skeletons = skeletons + unchecked_soft_skeleton(own, iterations, "cvpr", mask)
        return mean_of_known(voxel_cross_entropy(own, truth) * skeletons, mask)

    return mean_by_channels(mean_of_channels, probabilities, target)
