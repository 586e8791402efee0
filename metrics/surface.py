"""Distances between two masks in millimetres, from voxel centre to voxel centre.

Two different sets of voxels are measured: the Hausdorff distance looks at all foreground voxels, as its definition
does; its 95th percentile looks at surface voxels, as it is commonly computed.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from metrics.masks import Mask, check_pair, check_spacing
from vessels.distance import distances_to_set_mm, surface

PERCENTILE = 95.0


class HausdorffDistances(NamedTuple):
    """The two distances of a pair of masks, in millimetres."""

    hd_mm: float
    hd95_mm: float


def volume_diagonal_mm(shape: Sequence[int], spacing_mm: Sequence[float]) -> float:
    """Length of the volume's diagonal, outer corner to outer corner: sqrt(Σ (n_i · s_i)²).

    It stands for the distance to a mask that is not there. Two voxel centres of the volume are always nearer to each
    other than that, so a missed case is worse than any found one.
    """
    return math.hypot(*(count * step for count, step in zip(shape, spacing_mm, strict=True)))


def hausdorff_mm(prediction: Mask, target: Mask, spacing_mm: Sequence[float]) -> float:
    """Hausdorff distance of all foreground voxels, Sadikine et al. 2023, section 3.3.

    HD(T, P) = max(h(T, P), h(P, T)) with h(A, B) = max_{a ∈ A} min_{b ∈ B} ||a − b||. A and B are all voxels of the
    masks, not their surfaces: where a vessel of the target is hollow in the prediction, the voxels in its middle count.
    Two short cuts leave the value exactly as it is:

    * a ∈ A ∩ B has distance 0, so only A without B is measured;
    * for a ∉ B the nearest b ∈ B is a surface voxel of B: a step from b towards a along an axis in which they differ
      leads to a voxel of the volume nearer to a, which therefore is not in B, so b has a background face neighbour.

    To replace A by its surface as well would not be exact (a disc against a ring would lose its centre).

    Args:
        prediction: bool (*S)
        target: bool (*S)
        spacing_mm: voxel size along each array axis (z, y, x), millimetres, > 0.

    Returns:
        millimetres, 0 or more, lower is better; 0 if both masks are empty, the volume's diagonal if one is.

    Raises:
        ValueError: masks that are not boolean or of different shapes, or a bad spacing.
    """
    check_pair(prediction, target)
    spacing = check_spacing(spacing_mm, target.ndim)
    if (absent := _distance_if_empty(prediction, target, spacing)) is not None:
        return absent
    missed = distances_to_set_mm(np.argwhere(target & ~prediction), surface(prediction), spacing)
    extra = distances_to_set_mm(np.argwhere(prediction & ~target), surface(target), spacing)
    return float(max(missed.max(initial=0.0), extra.max(initial=0.0)))


def hausdorff_95_mm(prediction: Mask, target: Mask, spacing_mm: Sequence[float]) -> float:
    """95th percentile of the surface distances: max(q95 over a ∈ ∂P of d(a, ∂T), q95 over b ∈ ∂T of d(b, ∂P)).

    ∂ is the surface: foreground voxels with a background face neighbour within the volume. The percentile is taken for
    each direction by itself, with linear interpolation between order statistics, and the larger one returned, as
    MONAI's `compute_hausdorff_distance(percentile=95)` does; only where masks leave the volume the two differ, because
    MONAI takes the volume's border for a surface. Surfaces are not regions: a cavity inside the prediction can make
    this larger than `hausdorff_mm`.

    Arguments, range, errors and empty masks as for `hausdorff_mm`. A mask that fills the volume has no surface in it;
    the voxels at the volume's border stand in.
    """
    check_pair(prediction, target)
    spacing = check_spacing(spacing_mm, target.ndim)
    if (absent := _distance_if_empty(prediction, target, spacing)) is not None:
        return absent
    prediction_surface, target_surface = _surface_or_border(prediction), _surface_or_border(target)
    to_target = distances_to_set_mm(np.argwhere(prediction_surface), target_surface, spacing)
    to_prediction = distances_to_set_mm(np.argwhere(target_surface), prediction_surface, spacing)
    return float(max(np.percentile(to_target, PERCENTILE), np.percentile(to_prediction, PERCENTILE)))


def hausdorff_distances(prediction: Mask, target: Mask, spacing_mm: Sequence[float]) -> HausdorffDistances:
    """`hausdorff_mm` and `hausdorff_95_mm` of a pair, with their arguments, errors and rules for empty masks."""
    return HausdorffDistances(
        hausdorff_mm(prediction, target, spacing_mm), hausdorff_95_mm(prediction, target, spacing_mm)
    )


def _distance_if_empty(prediction: Mask, target: Mask, spacing_mm: Sequence[float]) -> float | None:
    """The distance agreed upon where a mask is empty, None where neither is."""
    has_prediction, has_target = bool(prediction.any()), bool(target.any())
    if has_prediction and has_target:
        return None
    return 0.0 if has_prediction == has_target else volume_diagonal_mm(target.shape, spacing_mm)


def _surface_or_border(mask: Mask) -> Mask:
    edge = surface(mask)
    if edge.any():
        return edge
    edge = mask.copy()
    edge[(slice(1, -1),) * mask.ndim] = False
    return edge
