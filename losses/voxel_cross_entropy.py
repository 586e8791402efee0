"""Cross-entropy of every voxel by itself, from probabilities: what centreline cross-entropy and warping weigh."""

import torch
from torch import Tensor


def voxel_cross_entropy(probabilities: Tensor, target: Tensor) -> Tensor:
    """-(y log p + (1 - y) log(1 - p)) of each voxel, of the shape of the two; exactly 0 where p = y is 0 or 1.

    log p is exact down to the smallest normal number, where a sigmoid has long been telling a logit of -80 from one of
    -87, and log(1 - p) to the last digit of 1. Beyond, the value stays and the gradient is 0, as is that of the sigmoid
    that gave such a p.

    Args:
        probabilities: in [0, 1], float32 or float64.
        target: of the same shape and type, in [0, 1].
    """
    numbers = torch.finfo(probabilities.dtype)
    present = probabilities.clamp(min=numbers.tiny).log()
    absent = (1.0 - probabilities).clamp(min=numbers.eps / 2.0).log()
    return -(target * present + (1.0 - target) * absent)
