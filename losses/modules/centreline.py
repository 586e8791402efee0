"""Modules of the losses of centrelines: soft-clDice, Topo-clDice, cbDice, centreline cross-entropy, Skeleton Recall."""

from dataclasses import replace
from typing import Unpack

from pydantic import Field
from torch import Tensor

from ramify.losses.cbdice import cbdice_loss
from ramify.losses.centreline_cross_entropy import centreline_cross_entropy_loss
from ramify.losses.modules.base import SegmentationLoss, Shared
from ramify.losses.modules.batch import Batch
from ramify.losses.modules.tubes import tubes_of
from ramify.losses.skeleton_recall import skeleton_recall_loss
from ramify.losses.soft_cldice import dice_soft_cldice_loss, soft_cldice_loss
from ramify.losses.term_settings import (
    CbDiceSettings,
    CentrelineCrossEntropySettings,
    DiceSoftClDiceSettings,
    Inverse,
    SimplePointRule,
    SkeletonRecallSettings,
    SoftClDiceSettings,
    TopoClDiceSettings,
    Variant,
)
from ramify.losses.topo_cldice import topo_cldice_loss


class SoftClDice(SegmentationLoss):
    """Soft-clDice (Shit et al. 2021): `soft_cldice_loss` as a module.

    Give `drop_background=True` with a softmax: a background has a skeleton, too, at twice the cost.

    Args:
        weight: factor of the value.
        iterations: rounds of the soft skeleton, at least the radius of the widest vessel in voxels.
        smooth: added to numerator and denominator of both ratios, in voxels.
        variant: of the soft skeleton, see `soft_skeleton`.
        complement: average with the same loss of each channel's complement.
        shared: see `SegmentationLoss`.

    Examples:
        >>> import torch
        >>> from ramify.losses import SoftClDice
        >>> target = torch.zeros(1, 1, 5, 9)
        >>> target[..., 2, 1:8] = 1.0  # a vessel of seven voxels
        >>> gap = target.clone()
        >>> gap[..., 2, 4] = 0.0
        >>> round(SoftClDice(activation=None)(gap, target).item(), 3)
        0.067
    """

    settings = SoftClDiceSettings
    function = soft_cldice_loss

    def __init__(
        self,
        weight: float = 1.0,
        *,
        iterations: int = 10,
        smooth: float = 1.0,
        variant: Variant = "cvpr",
        complement: bool = False,
        **shared: Unpack[Shared],
    ) -> None:
        own = {"iterations": iterations, "smooth": smooth, "variant": variant, "complement": complement}
        super().__init__(weight, **own, **shared)


class DiceSoftClDice(SegmentationLoss):
    """Soft Dice and soft-clDice in one (Shit et al. 2021, Eq. 3): `dice_soft_cldice_loss` as a module.

    Args:
        weight: factor of the value.
        alpha: share of soft-clDice, in [0, 0.5]; the rest is soft Dice.
        iterations, smooth, variant, complement: see `SoftClDice`.
        shared: see `SegmentationLoss`.

    Examples:
        >>> import torch
        >>> from ramify.losses import DiceSoftClDice
        >>> target = torch.zeros(1, 1, 5, 9)
        >>> target[..., 2, 1:8] = 1.0  # a vessel of seven voxels
        >>> gap = target.clone()
        >>> gap[..., 2, 4] = 0.0
        >>> round(DiceSoftClDice(activation=None)(gap, target).item(), 3)  # half of 1/14, half of 1/15
        0.069
    """

    settings = DiceSoftClDiceSettings
    function = dice_soft_cldice_loss

    def __init__(
        self,
        weight: float = 1.0,
        *,
        alpha: float = 0.5,
        iterations: int = 10,
        smooth: float = 1.0,
        variant: Variant = "cvpr",
        complement: bool = False,
        **shared: Unpack[Shared],
    ) -> None:
        own = {"iterations": iterations, "smooth": smooth, "variant": variant, "complement": complement}
        super().__init__(weight, alpha=alpha, **own, **shared)


class CentrelineCrossEntropy(SegmentationLoss):
    """Centreline cross-entropy (Acebes et al. 2024): `centreline_cross_entropy_loss` as a module.

    Args:
        weight: factor of the value; weigh it up, it shrinks with the share of the centrelines in the volume.
        iterations: rounds of the soft skeleton, at least the radius of the widest vessel in voxels.
        shared: see `SegmentationLoss`.

    Examples:
        >>> import torch
        >>> from ramify.losses import CentrelineCrossEntropy
        >>> target = torch.zeros(1, 1, 5, 9)
        >>> target[..., 2, 1:8] = 1.0  # a vessel of seven voxels
        >>> gap = target.clone()
        >>> gap[..., 2, 4] = 0.5
        >>> round(CentrelineCrossEntropy(activation=None)(gap, target).item(), 4)
        0.0231
    """

    settings = CentrelineCrossEntropySettings
    function = centreline_cross_entropy_loss

    def __init__(self, weight: float = 1.0, *, iterations: int = 10, **shared: Unpack[Shared]) -> None:
        super().__init__(weight, iterations=iterations, **shared)


class TopoClDice(SegmentationLoss):
    """Topo-clDice, of skeletons that keep the topology (Menten et al. 2023): `topo_cldice_loss` as a module.

    A sample of the prediction is drawn at each call, by PyTorch's generator: `torch.manual_seed` makes it the same.

    Args:
        weight: factor of the value.
        iterations: rounds of thinning, the radius of the widest vessel in voxels.
        smooth: added to numerator and denominator of both ratios, in voxels.
        temperature, noise_scale, simple_points: see `topological_skeleton`.
        shared: see `SegmentationLoss`.

    Examples:
        >>> import torch
        >>> from ramify.losses import TopoClDice
        >>> target = torch.zeros(1, 1, 5, 9)
        >>> target[..., 2, 1:8] = 1.0  # a vessel of seven voxels
        >>> gap = target.clone()
        >>> gap[..., 2, 4] = 0.0
        >>> round(TopoClDice(activation=None)(gap, target).item(), 3)  # of 0 and 1 nothing is random
        0.067
    """

    settings = TopoClDiceSettings
    function = topo_cldice_loss

    def __init__(
        self,
        weight: float = 1.0,
        *,
        iterations: int = 10,
        smooth: float = 1.0,
        temperature: float = 1.0,
        noise_scale: float = 0.33,
        simple_points: SimplePointRule = "boolean",
        **shared: Unpack[Shared],
    ) -> None:
        sampling = {"temperature": temperature, "noise_scale": noise_scale, "simple_points": simple_points}
        super().__init__(weight, iterations=iterations, smooth=smooth, **sampling, **shared)


class CbDice(SegmentationLoss):
    """Centreline boundary Dice (Shi et al. 2024): `cbdice_loss` as a module; it looks at `spacing_mm`.

    Args:
        weight: factor of the value.
        iterations: rounds of erosion of the skeleton, at least the largest radius in voxels.
        inverse: how thin vessels gain weight, "reciprocal" or "linear".
        smooth: added to numerators and denominators.
        shared: see `SegmentationLoss`.

    Examples:
        >>> import torch
        >>> from ramify.losses import CbDice
        >>> target = torch.zeros(1, 1, 5, 9)
        >>> target[..., 2, 1:8] = 1.0  # a vessel of seven voxels
        >>> gap = target.clone()
        >>> gap[..., 2, 4] = 0.0
        >>> round(CbDice(activation=None)(gap, target).item(), 3)
        0.067
    """

    settings = CbDiceSettings

    def __init__(
        self,
        weight: float = 1.0,
        *,
        iterations: int = 10,
        inverse: Inverse = "reciprocal",
        smooth: float = 1.0,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(weight, iterations=iterations, inverse=inverse, smooth=smooth, **shared)

    def loss(self, batch: Batch) -> Tensor:
        return cbdice_loss(batch.probabilities, batch.target, spacing_mm=batch.spacing_mm, mask=batch.mask, **self.own)


class _SkeletonRecallArguments(SkeletonRecallSettings, frozen=True, extra="forbid"):
    radius: int = Field(default=2, ge=0)


class SkeletonRecall(SegmentationLoss):
    """Skeleton Recall (Kirchhoff et al. 2024): `skeleton_recall_loss` as a module. It punishes no false alarm: add it.

    It looks at `tube`, best made once a case with `ramify.vessels.tubed_skeleton_of_classes` and moved with the labels.
    Without one it is made of the target at every call, on the CPU, of each channel by itself.

    Args:
        weight: factor of the value; 0.1 or 1 in the paper.
        radius: of the tubes that are made here, in voxels.
        shared: see `SegmentationLoss`; but `over_batch` is True, as in the paper, and a softmax's background, which has
            no tube, never counts and has no value of its own. With `over_batch=False` and `reduction="none"`, that of a
            class is 0 in a sample without it, while "mean" is over those that are there.

    Examples:
        >>> import torch
        >>> from ramify.losses import SkeletonRecall
        >>> target = torch.zeros(1, 1, 5, 9)
        >>> target[..., 2, 1:8] = 1.0  # a vessel of seven voxels
        >>> gap = target.clone()
        >>> gap[..., 2, 4] = 0.0
        >>> round(SkeletonRecall(activation=None)(gap, target, tube=target).item(), 3)  # -6 / 7
        -0.857
    """

    settings = _SkeletonRecallArguments

    def __init__(self, weight: float = 1.0, *, radius: int = 2, **shared: Unpack[Shared]) -> None:
        shared.setdefault("over_batch", True)
        super().__init__(weight, radius=radius, **shared)

    def prepared(self, batch: Batch) -> Batch:
        if self.convention.activation == "softmax" and not self.convention.drop_background:
            batch = batch.part(slice(None), slice(1, None))
        return replace(batch, tube=tubes_of(batch, self.own["radius"]))

    def loss(self, batch: Batch) -> Tensor:
        assert batch.tube is not None
        return skeleton_recall_loss(batch.probabilities, batch.tube, mask=batch.mask, over_batch=self.over_batch)
