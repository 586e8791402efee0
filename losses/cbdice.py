"""Centreline boundary Dice: clDice that knows how thick a vessel is and how far off its centre (Shi et al. 2024)."""

from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor

from ramify.losses.boundary import distance_inside
from ramify.losses.checks import known_part
from ramify.losses.soft_skeletonisation import check_skeleton, unchecked_soft_skeleton
from ramify.losses.spacings import Spacing
from ramify.losses.term_settings import Inverse
from ramify.losses.volume_sums import volume_sums


def cbdice_loss(
    probabilities: Tensor,
    target: Tensor,
    *,
    spacing_mm: Spacing | None = None,
    iterations: int = 10,
    inverse: Inverse = "reciprocal",
    smooth: float = 1.0,
    over_batch: bool = False,
    mask: Tensor | None = None,
) -> Tensor:
    """One minus the centreline boundary Dice, averaged over channels and samples; Shi et al. 2024, cl-MIN-Dice.

        Tprec = Σ I_P D_L / (Σ I_P R_P [not on S_L] + Σ I_P R_L)
        Tsens = Σ I_L D_P / (Σ I_L R_L [not on S_P] + Σ I_L R_P)
        cbDice = 2 Tprec Tsens / (Tprec + Tsens)

    Of the prediction P (p > 0.5) and the label L each: S is the skeleton, D the distance to the background up to the
    greatest on the skeleton, R = D on S, both divided by that greatest radius, and I = R^-(d-1) on S, d dimensions,
    which undoes the weight that thick vessels have by their cross-section. As published, D_P, R_P and I_P are then
    multiplied by p, and only that carries a gradient: distances and skeletons are constants. ε stands in numerators and
    denominators as in soft-clDice.

    What was decided:
    - Skeletons: `soft_skeleton` (Shit et al. 2021) of the binary masks, the faster of the published two, and binary.
    - `inverse`: "reciprocal", 1 / R, gives the values printed in the paper. Their code has since changed to
      ((R_max - R + R_min) / R_max)^(d-1), here "linear". It takes the background into R_min, which is always 1 voxel
      then; here R_min is the least radius on the skeleton.
    - Distances are in mm where spacing is given; the code's are in voxels.
    - Every channel by itself, and each sample unless `over_batch`; the code joins all classes into one vessel mask and
      adds up over the batch. The greatest radius is always the sample's.
    - Soft labels are cut at a half. A mask that fills its volume has no wall, hence no skeleton, and its D is 1.

    Know before use: there is no gradient where p < 0.5, so a vessel missed altogether has none, nor off both skeletons,
    nor where they agree, for there p cancels. P and L are each divided by their own greatest radius, so Tprec can
    exceed 1 and the loss fall below 0. It is to be added to Dice and cross-entropy, as its authors do.

    Args:
        probabilities: (B, C, *S) in [0, 1], any floating type; computed in float32 or better.
        target: (B, C, *S) bool or of 0 and 1.
        spacing_mm: voxel size, z, y, x: (B, *S's number of axes), or one for all; 1 mm if None.
        iterations: rounds of erosion of the skeleton.
        inverse: "reciprocal" or "linear".
        smooth: ε > 0.
        over_batch: take the sums over the batch too, rather than for each sample.
        mask: bool (B, 1, *S), the voxels that count; what is unknown is no wall, as if the volume ended there. None:
            all do.

    Returns:
        A scalar of at most 1; exactly 0 for a perfect binary prediction and for an empty one of an empty target.

    Raises ValueError where shapes differ or are empty, there are not 2 or 3 spatial axes, probabilities leave [0, 1]
    (as logits do, and NaN), or spacing, iterations, inverse or smooth do not fit.

    Examples:
        >>> import torch
        >>> from ramify.losses import cbdice_loss
        >>> target = torch.zeros(1, 1, 5, 9)
        >>> target[..., 2, 1:8] = 1.0  # a vessel of seven voxels
        >>> gap = target.clone()
        >>> gap[..., 2, 4] = 0.0
        >>> cbdice_loss(target, target).item()
        0.0
        >>> round(cbdice_loss(gap, target).item(), 3)
        0.067
    """
    probabilities, target = known_part(probabilities, target, mask)
    check_skeleton(probabilities, iterations, "cvpr")
    _check(inverse, smooth)
    predicted = _weigh(probabilities.detach() > 0.5, mask, spacing_mm, iterations, inverse, probabilities.dtype)
    label = _weigh(target > 0.5, mask, spacing_mm, iterations, inverse, probabilities.dtype)

    def share(within: Tensor, whole: Tensor) -> Tensor:
        return (volume_sums(within, over_batch) + smooth) / (volume_sums(whole, over_batch) + smooth)

    skeleton = predicted.inverse * probabilities
    radius = predicted.radius * probabilities
    # Off the label's skeleton R_L is 0, so the two sums of a denominator never meet in a voxel.
    precision = share(skeleton * label.distance, skeleton * torch.where(label.skeleton, label.radius, radius))
    sensitivity = share(
        label.inverse * predicted.distance * probabilities,
        label.inverse * torch.where(predicted.skeleton, radius, label.radius),
    )
    return (1.0 - 2.0 * precision * sensitivity / (precision + sensitivity)).mean()


@dataclass(frozen=True, eq=False)
class _Weights:
    """What a mask's voxels weigh, all (B, C, *S)."""

    skeleton: Tensor  # bool, S
    distance: Tensor  # D in [0, 1]
    radius: Tensor  # R in [0, 1], 0 off the skeleton
    inverse: Tensor  # I, 0 off the skeleton


@torch.no_grad()
def _weigh(
    vessels: Tensor,
    mask: Tensor | None,
    spacing_mm: Spacing | None,
    iterations: int,
    inverse: Inverse,
    dtype: torch.dtype,
) -> _Weights:
    """Skeleton, normalised distances and weights of vessels, bool (B, C, *S); all are 0 where nobody knows."""
    skeleton = unchecked_soft_skeleton(vessels.to(dtype), iterations, "cvpr", mask) > 0.5
    distance = distance_inside(vessels, spacing_mm, known=mask).to(dtype)
    axes = tuple(range(2, vessels.ndim))
    # Where the mask fills the volume its distance is infinite, but then it has no skeleton.
    radius = distance.where(skeleton, 0.0)
    greatest = radius.amax(axes, keepdim=True)
    greatest = greatest.where(greatest > 0, 1.0)
    radius = radius / greatest
    if inverse == "reciprocal":
        weight = 1.0 / radius
    else:
        weight = 1.0 - radius + radius.where(skeleton, torch.inf).amin(axes, keepdim=True)
    weight = (weight ** (len(axes) - 1)).where(skeleton, 0.0)
    return _Weights(skeleton, torch.minimum(distance, greatest) / greatest, radius, weight)


def _check(inverse: Inverse, smooth: float) -> None:
    if inverse not in get_args(Inverse):
        raise ValueError(f"inverse: expected one of {', '.join(get_args(Inverse))}, got {inverse!r}")
    if not smooth > 0.0:
        raise ValueError(f"smooth: expected a number above 0, got {smooth}")
