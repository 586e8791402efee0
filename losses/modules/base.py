"""What all loss modules have in common: their arguments, and how a value comes of a pure function."""

import difflib
import math
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, TypedDict, get_args

import torch
from pydantic import BaseModel, ValidationError
from torch import Tensor, nn

from ramify.losses.modules.batch import Activation, Batch, Convention, TensorOrArray, batch_of
from ramify.losses.spacings import Spacing
from ramify.losses.value_checks import without_value_checks
from ramify.settings_errors import first_complaint

Reduction = Literal["mean", "none"]


class Shared(TypedDict, total=False):
    """The keyword arguments of every loss module; `SegmentationLoss` says what they mean."""

    activation: Activation | None
    to_onehot: bool
    drop_background: bool
    ignore_label: int | None
    reduction: Reduction
    over_batch: bool
    checked: bool


NOT_OF_A_MODULE = {"balance"}
"""Settings of the terms of a training, which knows the scales of its labels."""


class SegmentationLoss(nn.Module):
    """A loss of logits against a target, to be called in any training script; the base of every loss module.

    Args:
        weight: factor of the value.
        activation: what makes probabilities of the logits: "softmax" over exclusive classes, the background one of
            them, or "sigmoid" of each channel; None: they are probabilities already.
        to_onehot: the target is a label map (B, 1, *S); otherwise it has the channels of the logits.
        drop_background: channel 0 is the background and does not count.
        ignore_label: voxels with this value in the target, in any channel, do not count.
        reduction: "mean" over channels and samples, a scalar; "none": a value of each, (B, C), and (B, 1) where the
            channels are of one loss, (1, …) with over_batch.
        over_batch: take sums over the whole batch, and in a distributed training over all processes, before ratios;
            otherwise of each sample.
        checked: look at the values of the input, which makes a GPU wait; see `without_value_checks`.

    Called with

        logits: (B, K, H, W) or (B, K, D, H, W) floats, any memory format; computed in float32 or better.
        target: as said above, a tensor or an array of any type.
        mask: (B, 1, *S) bool or of 0 and 1, the voxels that count. What does not count, or is ignored, has a gradient
            of exactly 0 and makes no wall, end or hole; the pure functions say how.
        spacing_mm: voxel size, z, y, x: (B, axes), or one for all, or a number; 1 mm if None. For losses of distances.
        tube: (B, 1, *S) the tubed skeletons of all classes in one, or a channel a class; for `SkeletonRecall`.

    it returns the value. Input that does not fit raises ValueError with a line that names it and the remedy.

    A loss of your own overrides `loss`; arguments of its own are the fields of its `settings`.

    Examples:
        >>> import torch
        >>> from ramify.losses import SegmentationLoss, dice_loss
        >>> class Dice(SegmentationLoss):
        ...     def loss(self, batch):
        ...         return dice_loss(batch.probabilities, batch.target, mask=batch.mask)
        >>> labels = torch.tensor([[[[0, 1, 2, 255]]]])
        >>> logits = torch.zeros(1, 3, 1, 4)
        >>> loss = Dice(to_onehot=True, drop_background=True, ignore_label=255)
        >>> round(loss(logits, labels).item(), 3)  # 1 - 2 / 3 / (1 + 1) of each class
        0.667
    """

    settings: ClassVar[type[BaseModel] | None] = None
    """What the loss's own arguments are, and may be; None: it has none."""
    function: ClassVar[Callable[..., Tensor] | None] = None
    """Of probabilities and target, where the loss is that and nothing more."""
    of_channels: ClassVar[bool] = True
    """Whether the loss is a mean of losses of each channel by itself."""

    def __init__(
        self,
        weight: float = 1.0,
        *,
        activation: Activation | None = "softmax",
        to_onehot: bool = False,
        drop_background: bool = False,
        ignore_label: int | None = None,
        reduction: Reduction = "mean",
        over_batch: bool = False,
        checked: bool = True,
        **own: Any,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        check_weight(name, weight)
        if activation is not None and activation not in get_args(Activation):
            raise ValueError(f"{name}: activation: expected 'softmax', 'sigmoid' or None, got {activation!r}")
        if reduction not in get_args(Reduction):
            raise ValueError(f"{name}: reduction: expected 'mean' or 'none', got {reduction!r}")
        check_ignore_label(name, ignore_label)
        if not to_onehot and ignore_label in (0, 1):
            raise ValueError(
                f"{name}: ignore_label: {ignore_label} is a value of every one-hot target; give another one, or a mask"
            )
        fields = set() if self.settings is None else set(self.settings.model_fields) - NOT_OF_A_MODULE
        check_known(name, own, {"weight", *Shared.__annotations__, *fields})
        if "over_batch" in fields:
            own["over_batch"] = over_batch
        elif over_batch and self.settings is not None:
            raise ValueError(f"{name}: over_batch: this loss is of each sample; leave it out")
        self.weight, self.reduction, self.over_batch, self.checked = weight, reduction, over_batch, checked
        self.convention = Convention(activation, to_onehot, drop_background, ignore_label)
        self.own = self._checked_own(own)

    def prepared(self, batch: Batch) -> Batch:
        """The batch with what the loss needs of all samples and channels at once."""
        return batch

    def loss(self, batch: Batch) -> Tensor:
        """The scalar loss of a batch, without the weight."""
        function = type(self).function
        if function is None:
            raise NotImplementedError(f"{type(self).__name__}: a loss overrides `loss`")
        return function(batch.probabilities, batch.target, mask=batch.mask, **self.own)

    def forward(
        self,
        logits: Tensor,
        target: TensorOrArray,
        *,
        mask: TensorOrArray | None = None,
        spacing_mm: Spacing | None = None,
        tube: TensorOrArray | None = None,
    ) -> Tensor:
        """The loss of a batch; the class says what the arguments are."""
        given = logits, target, mask, spacing_mm, tube
        if torch.compiler.is_compiling():
            return self.weight * self._reduced(self.prepared(batch_of(self.convention, *given)))
        with nullcontext() if self.checked else without_value_checks():
            return self.weight * self._reduced(self.prepared(batch_of(self.convention, *given)))

    def extra_repr(self) -> str:
        """The arguments, for print."""
        shared = {"reduction": self.reduction, "over_batch": self.over_batch, "checked": self.checked}
        given = {"weight": self.weight, **vars(self.convention), **shared, **self.own}
        return ", ".join(f"{name}={value!r}" for name, value in given.items())

    def _reduced(self, batch: Batch) -> Tensor:
        if self.reduction == "mean":
            return self.loss(batch)
        samples, channels = ([slice(i, i + 1) for i in range(count)] for count in batch.target.shape[:2])
        parts = [
            [self.loss(batch.part(sample, channel)) for channel in (channels if self.of_channels else [slice(None)])]
            for sample in ([slice(None)] if self.over_batch else samples)
        ]
        return torch.stack([torch.stack(row) for row in parts])

    def _checked_own(self, own: dict[str, Any]) -> dict[str, Any]:
        """The loss's own arguments, of which `settings` says what they may be."""
        if self.settings is None:
            return own
        try:
            checked = self.settings.model_validate(own)
        except ValidationError as wrong:
            raise ValueError(f"{type(self).__name__}: {first_complaint(wrong, self.settings)}") from None
        return {name: getattr(checked, name) for name in own}


def check_weight(name: str, weight: object) -> None:
    """Raise ValueError unless the weight of a loss is a finite number."""
    if isinstance(weight, bool) or not isinstance(weight, Real) or not math.isfinite(weight):
        raise ValueError(f"{name}: weight: expected a finite number, got {weight!r}")


def check_ignore_label(name: str, ignore_label: object) -> None:
    """Raise ValueError unless the label that is ignored is a whole number, or there is none."""
    if ignore_label is not None and (isinstance(ignore_label, bool) or not isinstance(ignore_label, Integral)):
        raise ValueError(f"{name}: ignore_label: expected a whole number, got {ignore_label!r}")


def check_known(name: str, given: Iterable[str], arguments: Iterable[str]) -> None:
    """Raise ValueError for an argument that a loss does not have, with the one that may be meant."""
    known = sorted(arguments)
    for argument in given:
        if argument not in known:
            near = difflib.get_close_matches(argument, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(known)}"
            raise ValueError(f"{name}: unknown argument {argument!r}; {hint}")
