"""Boundary loss: how far from the truth's boundary a prediction errs (Kervadec et al. 2019)."""

import itertools

import numpy as np
import torch
from pydantic import BaseModel
from scipy.ndimage import distance_transform_edt, find_objects
from torch import Tensor

from ramify.losses.precision import at_least_float32, check_probabilities
from ramify.losses.volume_sums import volume_sums


class BoundarySettings(BaseModel, frozen=True, extra="forbid"):
    """Boundary loss."""

    normalise: bool = True
    """Divide by the sum of all distances, so that patch and voxel size do not change its scale; otherwise the mean over
    voxels, in mm, as published."""


def boundary_loss(
    probabilities: Tensor, target: Tensor, *, spacing_mm: Tensor | None = None, normalise: bool = True
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
        spacing_mm: (B, *S's number of axes) voxel size of each sample, z, y, x; 1 mm if None.
        normalise: divide by Σ |φ|; otherwise by the number of voxels, for a mean in mm.

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
    check_probabilities(probabilities, target)
    probabilities = at_least_float32(probabilities)
    distance = signed_distance(target, spacing_mm).to(probabilities.dtype)
    if not normalise:
        return (distance * probabilities).mean()
    total = volume_sums(distance.abs(), False)
    return (volume_sums(distance * probabilities, False) / total.where(total > 0, 1.0)).mean()


def signed_distance(target: Tensor, spacing_mm: Tensor | None = None) -> Tensor:
    """Distance of each voxel to the truth's other side, below 0 inside: φ_G of Kervadec et al. 2019.

    +(distance to the nearest foreground voxel) outside, -(distance to the nearest background voxel) inside, exactly,
    between voxel centres. Both sides are treated alike: the complement has the opposite sign, and the boundary, half a
    voxel from either centre, is at no voxel. The authors' code takes a voxel off the distance inside. Its outermost
    foreground voxels are then 0, and with them every vessel of one or two voxels' width; and it takes off 1 where
    voxels are not 1 mm. Outside the volume is neither foreground nor background.

    Args:
        target: (B, C, *S) bool, or numbers, cut at a half.
        spacing_mm: (B, *S's number of axes) voxel size of each sample, z, y, x; 1 mm if None.

    Returns:
        float32 (B, C, *S), mm, on the target's device; 0 throughout where a sample's channel is empty or full.

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
    outside, inside = distance_inside(target <= 0.5, spacing_mm), distance_inside(target > 0.5, spacing_mm)
    difference = outside - inside
    # One of the two is infinite where there is no other side.
    return difference.where(difference.isfinite(), 0.0)


def distance_inside(mask: Tensor, spacing_mm: Tensor | None = None) -> Tensor:
    """Exact distance of each foreground voxel's centre to the nearest background voxel's, without gradient.

    Computed by SciPy on the CPU, wherever the mask is. Outside the volume is not background.

    Args:
        mask: bool (B, C, *S)
        spacing_mm: (B, *S's number of axes) voxel size of each sample, z, y, x; 1 mm if None.

    Returns:
        float32 (B, C, *S), mm, on the mask's device; 0 in the background, infinite where there is none.

    Raises ValueError where there is no spatial axis or the spacing does not fit.
    """
    spacings = _checked_spacings(mask, spacing_mm)
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


def _checked_spacings(mask: Tensor, spacing_mm: Tensor | None) -> list[list[float]]:
    """The voxel size of each sample; ValueError where it does not fit the mask."""
    axes = mask.ndim - 2
    if axes < 1:
        raise ValueError(f"target: expected (batch, channel, …) with a spatial axis at least, got {tuple(mask.shape)}")
    if spacing_mm is None:
        return [[1.0] * axes] * mask.shape[0]
    expected = (mask.shape[0], axes)
    if tuple(spacing_mm.shape) != expected:
        raise ValueError(
            f"spacing_mm: expected shape {expected}, a row of {axes} a sample (z, y, x), got {tuple(spacing_mm.shape)}"
        )
    spacings: list[list[float]] = spacing_mm.double().tolist()
    if not all(0.0 < size < float("inf") for row in spacings for size in row):
        raise ValueError(f"spacing_mm: expected positive numbers, got {spacings}")
    return spacings
