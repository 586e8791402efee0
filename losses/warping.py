"""Homotopy warping: cross-entropy where prediction and truth cannot be warped into each other (Hu 2022)."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, library

from ramify.losses.boundary import distance_inside
from ramify.losses.checks import known_part
from ramify.losses.continuation import continued
from ramify.losses.volume_sums import mean_of_known, volume_sums
from ramify.losses.voxel_cross_entropy import voxel_cross_entropy
from ramify.losses.warping_kernel import warp


def warping_loss(
    probabilities: Tensor, target: Tensor, *, normalise: bool = True, mask: Tensor | None = None
) -> Tensor:
    """Cross-entropy of the critical voxels, -(y log p + (1 - y) log(1 - p)), averaged over channels and samples.

    Hu 2022; see `critical_voxels`. All other errors cost nothing, so it is to be added to a loss of all voxels. The
    choice of the voxels has no gradient.

    What was decided: the mean is over the critical voxels, or with `normalise=False` over all of them. The authors'
    code multiplies the mean over the image by the number of critical voxels, and adds log 2 for each of the others.

    Args:
        probabilities: (B, C, *S) in [0, 1], 2D or 3D, any floating type; computed in float32 or better.
        target: (B, C, *S) bool or of 0 and 1; anything between is cut at a half.
        normalise: divide by the number of critical voxels of each sample's channel, rather than by that of all.
        mask: bool (B, 1, *S), the voxels that count; beyond, prediction and truth are both what the truth is at the
            nearest of them, so that nothing there is wrong. None: all do.

    Returns:
        A scalar of at least 0; exactly 0 where nothing is critical.

    Raises ValueError where shapes differ, probabilities leave [0, 1] (as logits do, and NaN), or S has other than two
    or three axes.

    Examples:
        >>> import torch
        >>> from ramify.losses import warping_loss
        >>> target = torch.zeros(1, 1, 5, 9)
        >>> target[..., 2, 1:8] = 1.0  # a vessel of seven voxels
        >>> gap = target.clone()
        >>> gap[..., 2, 4] = 0.25
        >>> round(warping_loss(gap, target).item(), 3)  # -log 0.25, in the gap alone
        1.386
        >>> short = target.clone()
        >>> short[..., 2, 1:3] = 0.25
        >>> warping_loss(short, target).item()  # still one piece
        0.0
    """
    probabilities, target = known_part(probabilities, target, mask)
    truth = continued(target > 0.5, mask)
    prediction = probabilities.detach() > 0.5
    critical = critical_voxels(prediction if mask is None else torch.where(mask, prediction, truth), truth)
    entropy = voxel_cross_entropy(probabilities, truth.to(probabilities.dtype)) * critical
    if not normalise:
        return mean_of_known(entropy, mask)
    return (volume_sums(entropy, False) / volume_sums(critical, False).clamp(min=1)).mean()


@torch.no_grad()
def critical_voxels(prediction: Tensor, truth: Tensor) -> Tensor:
    """Voxels in which one mask differs from what the other is warped to.

    Hu 2022. A mask is warped to the other by flipping voxels in which the two differ, the nearest to its boundary
    first, as long as they are simple: 26-connected foreground and 6-connected background (8 and 4 in 2D) keep pieces,
    tunnels and cavities. What cannot flip is critical: a gap, a false bridge, a piece or a hole too many or missing.
    Both ways are taken and joined. Outside the volume is background.

    The authors' code looks at each voxel once; here one that could not flip is looked at again when a neighbour has.
    Otherwise a vessel that is merely too short is critical along all it lacks whenever the voxels at its junction come
    before those at its end. Where a gap is to be crossed, which voxel of it remains depends on the order of those that
    are equally near.

    Args:
        prediction: bool (B, C, *S), 2D or 3D.
        truth: bool, of the same shape.

    Returns:
        bool (B, C, *S), on the prediction's device; computed on the CPU.

    Raises ValueError where they are not two masks of one shape, or S has other than two or three axes.

    Examples:
        >>> import torch
        >>> from ramify.losses import critical_voxels
        >>> ring = torch.ones(1, 1, 3, 3, dtype=torch.bool)
        >>> ring[..., 1, 1] = False
        >>> critical_voxels(ring, torch.ones_like(ring))[0, 0].int().tolist()  # the hole
        [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    """
    if prediction.shape != truth.shape or prediction.dtype != torch.bool or truth.dtype != torch.bool:
        given = f"{prediction.dtype} {tuple(prediction.shape)} and {truth.dtype} {tuple(truth.shape)}"
        raise ValueError(f"warping: expected two bool masks of one shape, got {given}")
    if prediction.ndim not in (4, 5):
        raise ValueError(f"warping: expected (batch, channel) and two or three axes, got {tuple(prediction.shape)}")
    critical: Tensor = _critical_voxels(prediction, truth)
    return critical


# An operation of its own, for torch.compile to call and not to look into, and in no CUDA graph: it waits for the CPU.
@library.custom_op("ramify::critical_voxels", mutates_args=(), tags=torch.Tag.cudagraph_unsafe)
def _critical_voxels(prediction: Tensor, truth: Tensor) -> Tensor:
    masks = [mask.cpu() for mask in (prediction, truth)]
    volumes = [_padded(mask.numpy()) for mask in masks]
    distances = [_padded((distance_inside(mask) + distance_inside(~mask)).numpy()) for mask in masks]
    critical = np.zeros(volumes[0].shape, bool)
    for volume in range(len(critical)):
        for own, other in ((0, 1), (1, 0)):
            warped = volumes[own][volume].copy()
            warp(warped, volumes[other][volume], distances[own][volume])
            critical[volume] |= warped != volumes[other][volume]
    inside = critical[:, 1:-1, 1:-1, 1:-1].reshape(prediction.shape)
    return torch.from_numpy(np.ascontiguousarray(inside)).to(prediction.device)


@_critical_voxels.register_fake
def _(prediction: Tensor, truth: Tensor) -> Tensor:
    return torch.empty_like(prediction, memory_format=torch.contiguous_format)


def _padded(volumes: NDArray[np.generic]) -> NDArray[np.generic]:
    """(B, C, *S) as (N, D + 2, H + 2, W + 2), a 2D image being one slice; words where they were bool."""
    shape = volumes.shape
    lifted = volumes.reshape(-1, *(1,) * (5 - volumes.ndim), *shape[2:])
    padded = np.pad(lifted, ((0, 0), (1, 1), (1, 1), (1, 1)))
    return padded.astype(np.uint64) if padded.dtype == bool else padded
