"""Scales that count alike in a recall: a voxel of the truth weighs the more, the less of the vessels its scale is."""

import torch
from torch import Tensor

from ramify.losses.precision import at_least_float32
from ramify.losses.volume_sums import volume_sums


@torch.no_grad()
def balanced_over_scales(mask: Tensor, scales: Tensor, over_batch: bool) -> Tensor:
    """A mask in which every scale that is there has the same sum: a voxel of scale s weighs N / (S' N_s).

    N_s is the sum of the mask over scale s, S' the number of scales where that is above 0, and N = Σ_s N_s, which is
    the sum of what is returned too. A share of the weighted mask is then the mean of the shares of the scales:
    Σ w p / Σ w = 1/S' Σ_s (Σ_s p / N_s). Where one scale alone is there, the mask is returned as it is; where none is,
    zeros. What is in no scale weighs nothing, what is in several the sum.

    Args:
        mask: (B, C, *S) in [0, 1] or bool: vessels, or what stands for them.
        scales: bool (B, S, *S), where each scale of the vessels is.
        over_batch: one set of weights for the batch of all ranks, rather than one for each sample.

    Returns:
        (B, C, *S) in float32 or better, without a gradient.

    Raises ValueError where batch or sizes of mask and scales differ.

    Examples:
        >>> import torch
        >>> from ramify.losses import balanced_over_scales
        >>> mask = torch.tensor([[[1, 1, 1, 1, 0]]])
        >>> scales = torch.tensor([[[True, False, False, False, False], [False, True, True, True, False]]])
        >>> balanced_over_scales(mask, scales, over_batch=False)[0, 0]  # 4 / (2 * 1), and 4 / (2 * 3) three times
        tensor([2.0000, 0.6667, 0.6667, 0.6667, 0.0000])
    """
    if mask.shape[:1] + mask.shape[2:] != scales.shape[:1] + scales.shape[2:] or scales.dtype != torch.bool:
        expected = f"bool (batch, scale, …) to fit {tuple(mask.shape)}"
        raise ValueError(f"scales: expected {expected}, got {scales.dtype} {tuple(scales.shape)}")
    mask = at_least_float32(mask)
    of_scale = scales.unsqueeze(2).unbind(1)  # (B, 1, *S) each
    sums = torch.stack([volume_sums(mask * inside, over_batch) for inside in of_scale], dim=-1)

    present = sums > 0
    share = sums.sum(-1, keepdim=True) / present.sum(-1, keepdim=True).clamp(min=1)
    weights = torch.where(present, share / sums.where(present, 1.0), 0.0)
    weight_of_voxel = torch.zeros_like(mask)
    for inside, weight in zip(of_scale, weights.unbind(-1)):
        weight_of_voxel += inside * weight.view(*weight.shape, *[1] * (mask.ndim - 2))
    return weight_of_voxel.mul_(mask)
