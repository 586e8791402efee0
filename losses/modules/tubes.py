"""Tubed skeletons of a batch's target, for Skeleton Recall where they were not made ahead of training."""

import numpy as np
import torch
from torch import Tensor, library

from ramify.losses.continuation import continued
from ramify.losses.modules.batch import Batch
from ramify.losses.spacings import spacings_of
from ramify.vessels.tube import tubed_skeleton


def tubes_of(batch: Batch, radius: int) -> Tensor:
    """The tube of each class that counts, bool (B, C, *S), each class thinned by itself.

    Beyond what is known the vessels go on, so that a tube does not end at a border of what somebody has looked at.

    Args:
        batch: of vessels alone, without a background; with the tube, or without.
        radius: of the tubes that have to be made, in voxels.
    """
    classes = batch.target > 0.5
    if batch.tube is not None:
        return classes & batch.tube
    going_on = continued(classes, batch.mask)
    tubes: Tensor = _tubed_skeletons(going_on, spacings_of(going_on, batch.spacing_mm), radius)
    return classes & tubes


# An operation of its own, for torch.compile to call and not to look into, and in no CUDA graph: it waits for the CPU.
@library.custom_op("ramify::tubed_skeletons", mutates_args=(), tags=torch.Tag.cudagraph_unsafe)
def _tubed_skeletons(vessels: Tensor, spacing_mm: Tensor, radius: int) -> Tensor:
    tubes = [
        [tubed_skeleton(mask, radius, spacing) for mask in of_sample]
        for of_sample, spacing in zip(vessels.detach().cpu().numpy(), spacing_mm.tolist())
    ]
    return torch.from_numpy(np.stack(tubes)).to(vessels.device)


@_tubed_skeletons.register_fake
def _(vessels: Tensor, spacing_mm: Tensor, radius: int) -> Tensor:
    return torch.empty_like(vessels, memory_format=torch.contiguous_format)
