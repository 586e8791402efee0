"""Beyond what is known, each voxel as the nearest known one: a vessel goes on where nobody has looked."""

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt, find_objects
from torch import Tensor, library


def continued(values: Tensor, mask: Tensor | None) -> Tensor:
    """Values (B, C, *S) that have, where nobody knows, that of the nearest known voxel; no gradient goes through it.

    A sample of which nothing is known stays as it is. Computed by SciPy on the CPU, wherever the values are.

    Args:
        values: of any type.
        mask: bool (B, 1, *S), the voxels that are known; None: all are.
    """
    if mask is None:
        return values
    flat = values.detach().flatten(2)
    nearest = _nearest_known(mask).unsqueeze(1).expand_as(flat)
    return torch.where(mask, values, flat.gather(2, nearest).view_as(values))


# An operation of its own, for torch.compile to call and not to look into, and in no CUDA graph: it waits for the CPU.
@library.custom_op("ramify::nearest_known", mutates_args=(), tags=torch.Tag.cudagraph_unsafe)
def _nearest_known(mask: Tensor) -> Tensor:
    """Of each voxel of (B, 1, *S) the place of the nearest known one among those of its sample, int64 (B, N)."""
    masks = mask.detach().cpu().numpy()[:, 0]
    places = np.arange(masks[0].size).reshape(masks[0].shape)
    nearest = np.empty((len(masks), masks[0].size), np.int64)
    for known, found in zip(masks, nearest):
        of_sample = places.copy()
        if known.any() and not known.all():
            # The nearest known voxel is never farther out than one voxel around the box of the unknown ones.
            box = tuple(
                slice(max(side.start - 1, 0), side.stop + 1) for side in find_objects((~known).view(np.uint8))[0]
            )
            voxels = distance_transform_edt(~known[box], return_distances=False, return_indices=True)
            of_sample[box] = places[box][tuple(voxels)]
        found[:] = of_sample.ravel()
    return torch.from_numpy(nearest).to(mask.device)


@_nearest_known.register_fake
def _(mask: Tensor) -> Tensor:
    return mask.new_empty((mask.shape[0], mask[0].numel()), dtype=torch.int64)
