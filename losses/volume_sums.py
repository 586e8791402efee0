"""Sums over the voxels of each volume, which every overlap is a ratio of."""

from torch import Tensor

from ramify.losses.across_ranks import summed


def volume_sums(values: Tensor, over_batch: bool) -> Tensor:
    """Sum (B, C, *S) over its voxels: (B, C), or (1, C) where the batch, of all ranks, counts as one volume.

    Without a spatial axis every value is a volume of its own.
    """
    sums = values.reshape(*values.shape[:2], -1).sum(2)
    return summed(sums.sum(0, keepdim=True)) if over_batch else sums


def mean_of_known(of_voxel: Tensor, mask: Tensor | None) -> Tensor:
    """Mean of (B, C, *S) over the voxels that count, bool (B, 1, *S) or all of them, and 0 where none does."""
    if mask is None:
        return of_voxel.mean()
    voxels = mask.sum().clamp(min=1) * of_voxel.shape[1]
    return of_voxel.masked_fill(~mask, 0.0).sum() / voxels
