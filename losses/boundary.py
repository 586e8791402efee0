"""Boundary loss: how far from the truth's boundary a prediction errs (Kervadec et al. 2019)."""

import itertools

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt, find_objects
from torch import Tensor, library

from ramify.losses.checks import check_mask, known_part
from ramify.losses.spacings import Spacing, spacings_of
from ramify.losses.volume_sums import mean_of_known, volume_sums


def boundary_loss(
    probabilities: Tensor,
    target: Tensor,
    *,
    spacing_mm: Spacing | None = None,
    normalise: bool = True,
    mask: Tensor | None = None,
) -> Tensor:
    """Σ φ p / Σ |φ| with the signed distance φ to the truth's boundary, averaged over channels and samples.

    Kervadec et al. 2019: a sum over the volume that, up to a constant, measures the space between two boundaries, each
    point of it weighted by its distance. See `signed_distance` for φ; it has no gradient.

    The paper leaves the scale open and its code takes the mean of φ p over voxels. That grows with the patch, whose
    corners lie ever farther away. Divided by Σ |φ| of the sample and channel, the absolute gradients of each sum up to
    1, whatever the size of patch and voxel, and the weights of voxels to each other stay the paper's.

    Where a target is empty or full there is no boundary: φ is 0, and so are its loss and gradient. (The paper's code
    does so for empty classes.) The loss is linear in p, blind to how sure a prediction already is, and an empty
    prediction costs no more than 0: it is to be added to an overlap loss, not to stand alone.

    Args:
        probabilities: (B, C, *S) in [0, 1], any floating type; computed in float32 or better.
        target: (B, C, *S) bool or of 0 and 1; anything between is cut at a half.
        spacing_mm: voxel size, z, y, x: (B, *S's number of axes), or one for all; 1 mm if None.
        normalise: divide by Σ |φ|; otherwise by the number of voxels, for a mean in mm.
        mask: bool (B, 1, *S), the voxels that count; what is unknown is neither foreground nor background. None: all
            do.

    Returns:
        A scalar, in [-1, 1] if normalised; least, below 0, for a perfect prediction.

    Raises ValueError where shapes differ or are empty, there is no spatial axis, probabilities leave [0, 1] (as logits
    do, and NaN), or the spacing does not fit.

    Examples:
        >>> import torch
        >>> from ramify.losses import boundary_loss
        >>> target = torch.tensor([[[0.0, 1.0, 1.0, 0.0]]])
        >>> boundary_loss(target, target).item()  # distances 1, -1, -1, 1: -2 / 4
        -0.5
        >>> boundary_loss(1 - target, target).item()
        0.5
    """
    probabilities, target = known_part(probabilities, target, mask)
    distance = signed_distance(target, spacing_mm, mask=mask).to(probabilities.dtype)
    if not normalise:
        return mean_of_known(distance * probabilities, mask)
    total = volume_sums(distance.abs(), False)
    return (volume_sums(distance * probabilities, False) / total.where(total > 0, 1.0)).mean()


def signed_distance(target: Tensor, spacing_mm: Spacing | None = None, *, mask: Tensor | None = None) -> Tensor:
    """Distance of each voxel to the truth's other side, below 0 inside: φ_G of Kervadec et al. 2019.

    +(distance to the nearest foreground voxel) outside, -(distance to the nearest background voxel) inside, exactly,
    between voxel centres. Both sides are treated alike: the complement has the opposite sign, and the boundary, half a
    voxel from either centre, is at no voxel. The authors' code takes a voxel off the distance inside. Its outermost
    foreground voxels are then 0, and with them every vessel of one or two voxels' width; and it takes off 1 where
    voxels are not 1 mm. Outside the volume is neither foreground nor background.

    Args:
        target: (B, C, *S) bool, or numbers, cut at a half.
        spacing_mm: voxel size, z, y, x: (B, *S's number of axes), or one for all; 1 mm if None.
        mask: bool (B, 1, *S), the voxels that are known; the others are neither foreground nor background, as if the
            volume ended there. None: all are.

    Returns:
        float32 (B, C, *S), mm, on the target's device; 0 throughout where a sample's channel is empty or full, and
        where nobody knows.

    Raises ValueError where there is no spatial axis or the spacing does not fit.

    Examples:
        >>> import torch
        >>> from ramify.losses import signed_distance
        >>> target = torch.tensor([[[0, 0, 1, 1, 1, 0]]]).bool()
        >>> signed_distance(target).tolist()
        [[[2.0, 1.0, -1.0, -2.0, -1.0, 1.0]]]
        >>> signed_distance(target, torch.tensor([[0.5]])).tolist()  # voxels of half a millimetre
        [[[1.0, 0.5, -0.5, -1.0, -0.5, 0.5]]]
    """
    check_mask(mask, target)
    inside = target > 0.5
    to_inside, to_outside = (distance_inside(side, spacing_mm, known=mask) for side in (~inside, inside))
    difference = to_inside - to_outside
    # One of the two is infinite where there is no other side.
    return difference.where(difference.isfinite(), 0.0)


def distance_inside(mask: Tensor, spacing_mm: Spacing | None = None, *, known: Tensor | None = None) -> Tensor:
    """Exact distance of each foreground voxel's centre to the nearest background voxel's, without gradient.

    Computed by SciPy on the CPU, wherever the mask is. Outside the volume is not background.

    Args:
        mask: bool (B, C, *S)
        spacing_mm: voxel size, z, y, x: (B, *S's number of axes), or one for all; 1 mm if None.
        known: bool (B, 1, *S); the other voxels are no background either. None: all are.

    Returns:
        float32 (B, C, *S), mm, on the mask's device; 0 in the background and where nobody knows, infinite where there
        is no background.

    Raises ValueError where there is no spatial axis or the spacing does not fit.
    """
    spacings = spacings_of(mask, spacing_mm)
    if known is None:
        distances: Tensor = _distances(mask, spacings)
        return distances
    beyond: Tensor = _distances(mask | ~known, spacings)
    return beyond.masked_fill(~known, 0.0)


# An operation of its own, for torch.compile to call and not to look into, and in no CUDA graph: it waits for the CPU.
@library.custom_op("ramify::distances", mutates_args=(), tags=torch.Tag.cudagraph_unsafe)
def _distances(mask: Tensor, spacing_mm: Tensor) -> Tensor:
    spacings = spacing_mm.tolist()
    masks = mask.detach().cpu().numpy()
    distances = np.zeros(masks.shape, dtype=np.float32)
    for sample, channel in itertools.product(range(masks.shape[0]), range(masks.shape[1])):
        volume = masks[sample, channel]
        if volume.all():
            distances[sample, channel] = np.inf
        elif volume.any():
            # The nearest background voxel is never farther out than one voxel around the foreground's box.
            box = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in find_objects(volume.view(np.uint8))[0])
            distances[sample, channel][box] = distance_transform_edt(volume[box], sampling=spacings[sample])
    return torch.from_numpy(distances).to(mask.device)


@_distances.register_fake
def _(mask: Tensor, spacing_mm: Tensor) -> Tensor:
    return torch.empty_like(mask, dtype=torch.float32, memory_format=torch.contiguous_format)
