"""Modules of the losses of overlap: Dice, Dice and cross-entropy, Tversky, generalised Dice."""

from collections.abc import Sequence
from typing import Annotated, Any, Unpack

from pydantic import Field
from torch import Tensor

from ramify.losses.cross_entropy import binary_cross_entropy, categorical_cross_entropy
from ramify.losses.dice import dice_loss
from ramify.losses.generalised_dice import generalised_dice_loss
from ramify.losses.modules.base import SegmentationLoss, Shared
from ramify.losses.modules.batch import Batch
from ramify.losses.term_settings import DiceSettings, GeneralisedDiceSettings, TverskySettings
from ramify.losses.tversky import tversky_loss


class Dice(SegmentationLoss):
    """Soft Dice (Milletari et al. 2016, plain sums): `dice_loss` as a module.

    Args:
        weight: factor of the value.
        epsilon: added to numerator and denominator, in voxels.
        shared: see `SegmentationLoss`.

    Examples:
        >>> import torch
        >>> from ramify.losses import Dice
        >>> target = torch.tensor([[[[1, 1, 0, 0]]]])
        >>> loss = Dice(activation="sigmoid")
        >>> round(loss(torch.zeros(1, 1, 1, 4), target).item(), 3)  # 1 - 2 * 1 / (2 + 2)
        0.5
    """

    settings = DiceSettings
    function = dice_loss

    def __init__(self, weight: float = 1.0, *, epsilon: float = 1e-5, **shared: Unpack[Shared]) -> None:
        super().__init__(weight, epsilon=epsilon, **shared)


class _DiceCrossEntropyArguments(DiceSettings, frozen=True, extra="forbid"):
    cross_entropy_weight: float = Field(default=1.0, ge=0.0, allow_inf_nan=False)
    class_weights: tuple[Annotated[float, Field(gt=0.0, allow_inf_nan=False)], ...] | None = None


class DiceCrossEntropy(SegmentationLoss):
    """Soft Dice plus cross-entropy: `dice_loss` and `categorical_cross_entropy` or `binary_cross_entropy`.

    The cross-entropy is that of the softmax, or of each channel's sigmoid; it is of all channels, the background too
    where `drop_background` leaves it out of Dice, as in nnU-Net and MONAI. With `reduction="none"` a value of each
    sample, (B, 1).

    Args:
        weight: factor of the value.
        epsilon: of Dice, added to numerator and denominator, in voxels.
        cross_entropy_weight: of the cross-entropy beside Dice, which has 1.
        class_weights: of a voxel of each channel in the cross-entropy; with a sigmoid, of its foreground. None: all 1.
        shared: see `SegmentationLoss`. There is no cross-entropy of `activation=None`, without logits.

    Examples:
        >>> import torch
        >>> from ramify.losses import DiceCrossEntropy
        >>> labels = torch.tensor([[[[0, 1, 2, 0]]]])
        >>> loss = DiceCrossEntropy(to_onehot=True, drop_background=True)
        >>> round(loss(torch.zeros(1, 3, 1, 4), labels).item(), 3)  # 1 - 2 / 3 / (4 / 3 + 1), and log 3
        1.813
    """

    settings = _DiceCrossEntropyArguments
    of_channels = False

    def __init__(
        self,
        weight: float = 1.0,
        *,
        epsilon: float = 1e-5,
        cross_entropy_weight: float = 1.0,
        class_weights: Sequence[float] | None = None,
        **shared: Unpack[Shared],
    ) -> None:
        weights = None if class_weights is None else tuple(class_weights)
        own: dict[str, Any] = {"cross_entropy_weight": cross_entropy_weight, "class_weights": weights}
        super().__init__(weight, epsilon=epsilon, **own, **shared)
        if self.convention.activation is None:
            raise ValueError("DiceCrossEntropy: activation=None: cross-entropy needs logits; give softmax or sigmoid")

    def loss(self, batch: Batch) -> Tensor:
        dice = dice_loss(
            batch.probabilities,
            batch.target,
            over_batch=self.over_batch,
            epsilon=self.own["epsilon"],
            mask=batch.mask,
        )
        weights = self.own["class_weights"]
        if self.convention.activation == "sigmoid":
            entropy = binary_cross_entropy(batch.logits, batch.one_hot, weights or 1.0, mask=batch.mask)
        else:
            entropy = categorical_cross_entropy(batch.logits, batch.one_hot, weights, mask=batch.mask)
        share: float = self.own["cross_entropy_weight"]
        return dice + share * entropy


class Tversky(SegmentationLoss):
    """Tversky, and focal with a gamma above 1 (Salehi et al. 2017; Abraham and Khan 2019): `tversky_loss` as a module.

    Args:
        weight: factor of the value.
        alpha: weight of false alarms.
        beta: weight of misses.
        gamma: the loss is taken to the power 1 / gamma.
        epsilon: added to numerator and denominator, in voxels.
        shared: see `SegmentationLoss`.

    Examples:
        >>> import torch
        >>> from ramify.losses import Tversky
        >>> target = torch.tensor([[[[1, 1, 0, 0]]]])
        >>> probabilities = torch.tensor([[[[1.0, 0.0, 0.0, 0.0]]]])
        >>> round(Tversky(activation=None)(probabilities, target).item(), 3)  # 1 - 1 / (1 + 0.7 * 1)
        0.412
    """

    settings = TverskySettings
    function = tversky_loss

    def __init__(
        self,
        weight: float = 1.0,
        *,
        alpha: float = 0.3,
        beta: float = 0.7,
        gamma: float = 1.0,
        epsilon: float = 1e-5,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(weight, alpha=alpha, beta=beta, gamma=gamma, epsilon=epsilon, **shared)


class GeneralisedDice(SegmentationLoss):
    """Generalised Dice (Sudre et al. 2017): `generalised_dice_loss` as a module; one value of all channels.

    Args:
        weight: factor of the value.
        complement: count what is in no channel as a class; None: as published, unless a softmax's background is a
            channel already, or `drop_background` says that it does not count.
        epsilon: added to numerator and denominator, in voxels of the rarest class.
        shared: see `SegmentationLoss`.

    Examples:
        >>> import torch
        >>> from ramify.losses import GeneralisedDice
        >>> target = torch.tensor([[[[1, 0, 0]]]])
        >>> probabilities = torch.tensor([[[[1.0, 1.0, 0.0]]]])
        >>> loss = GeneralisedDice(activation=None)
        >>> round(loss(probabilities, target).item(), 3)  # 1 - 2 (1 + 1/4) / (3 + 3/4)
        0.333
    """

    settings = GeneralisedDiceSettings
    function = generalised_dice_loss
    of_channels = False

    def __init__(
        self, weight: float = 1.0, *, complement: bool | None = None, epsilon: float = 1e-5, **shared: Unpack[Shared]
    ) -> None:
        if complement is None:
            complement = shared.get("activation", "softmax") != "softmax" and not shared.get("drop_background")
        super().__init__(weight, complement=complement, epsilon=epsilon, **shared)
