"""What a loss module's pure function looks at: a batch's logits and target as they were given, made ready for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ramify.losses.checks import known_target
from ramify.losses.precision import at_least_float32
from ramify.losses.spacings import Spacing, spacings_of
from ramify.losses.value_checks import values_are_checked

Activation = Literal["softmax", "sigmoid"]
TensorOrArray = Tensor | NDArray[Any]


@dataclass(frozen=True)
class Convention:
    """How a training script hands over logits and target."""

    activation: Activation | None
    to_onehot: bool
    drop_background: bool
    ignore_label: int | None


@dataclass(frozen=True, eq=False)
class Batch:
    """A batch that a loss can be computed of. K channels, of which C count: all, or those after the background."""

    logits: Tensor  # (B, K, *S)
    one_hot: Tensor  # (B, K, *S) bool, or numbers in [0, 1]
    probabilities: Tensor  # (B, C, *S)
    target: Tensor  # (B, C, *S)
    mask: Tensor | None  # bool (B, 1, *S), the voxels that count; None: all do
    spacing_mm: Tensor | None  # (B, axes)
    tube: Tensor | None  # bool (B, 1, *S) or (B, C, *S)

    def part(self, samples: slice, channels: slice) -> Batch:
        """Some samples, and some of the channels that count; logits and one-hot keep all of theirs."""
        tube = self.tube
        if tube is not None:
            tube = tube[samples, channels if tube.shape[1] > 1 else slice(None)]
        return Batch(
            self.logits[samples],
            self.one_hot[samples],
            self.probabilities[samples, channels],
            self.target[samples, channels],
            None if self.mask is None else self.mask[samples],
            None if self.spacing_mm is None else self.spacing_mm[samples],
            tube,
        )


def batch_of(
    convention: Convention,
    logits: Tensor,
    target: TensorOrArray,
    mask: TensorOrArray | None,
    spacing_mm: Spacing | None,
    tube: TensorOrArray | None,
) -> Batch:
    """The batch by its convention; ValueError, in one line with a remedy, where something does not fit."""
    _check_logits(logits, convention)
    labels = tensor_of("target", target, logits.device)
    if labels.ndim != logits.ndim:
        raise ValueError(
            f"target: expected (B, channel, …) of as many axes as the logits {tuple(logits.shape)}, got "
            f"{tuple(labels.shape)}; add the axis of channels with unsqueeze(1)"
        )
    known = known_voxels(labels, mask, convention.ignore_label)
    one_hot = _one_hot(labels, known, logits) if convention.to_onehot else _checked(labels, known, logits, convention)
    counted = slice(1 if convention.drop_background else 0, None)
    return Batch(
        logits,
        one_hot,
        _activated(logits, convention.activation)[:, counted],
        one_hot[:, counted],
        known,
        None if spacing_mm is None else spacings_of(logits, spacing_mm),
        None if tube is None else _tube(tube, logits, counted),
    )


def _check_logits(logits: Tensor, convention: Convention) -> None:
    expected = "logits: expected floats (B, C, H, W) or (B, C, D, H, W), got"
    if not isinstance(logits, Tensor):
        levels = "; of deep supervision's levels call the loss on each" if isinstance(logits, list | tuple) else ""
        raise ValueError(f"{expected} {type(logits).__name__}{levels or '; give a tensor'}")
    if not (logits.is_floating_point() and logits.ndim in (4, 5) and logits.numel()):
        remedy = "; add the axis of channels with unsqueeze(1)" if logits.ndim in (2, 3) else ""
        raise ValueError(f"{expected} {logits.dtype} {tuple(logits.shape)}{remedy}")
    if logits.shape[1] == 1 and (convention.activation == "softmax" or convention.to_onehot):
        raise ValueError(
            "logits: one channel is a probability for a sigmoid; give activation='sigmoid' and to_onehot=False, or a "
            "channel for the background too"
        )
    if logits.shape[1] == 1 and convention.drop_background:
        raise ValueError("logits: one channel, of which drop_background=True leaves none; leave it out")


def _activated(logits: Tensor, activation: Activation | None) -> Tensor:
    if activation is None:
        return logits
    logits = at_least_float32(logits)
    return torch.softmax(logits, dim=1) if activation == "softmax" else torch.sigmoid(logits)


def tensor_of(name: str, values: TensorOrArray, device: torch.device) -> Tensor:
    """A tensor on the device; arrays of any strides and integers. ValueError, by its name, for what is no numbers."""
    if isinstance(values, Tensor):
        # PyTorch compares these with nothing.
        wide = values.dtype in (torch.uint16, torch.uint32, torch.uint64)
        return values.to(device, torch.int64 if wide else values.dtype)
    array = np.ascontiguousarray(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name}: expected a tensor or an array of numbers, got {type(values).__name__}")
    return torch.from_numpy(array.astype(np.int64) if array.dtype.kind in "iu" else array).to(device)


def _where_true(name: str, given: Tensor) -> Tensor:
    """A mask as bool; ValueError for values that say neither yes nor no."""
    if given.dtype != torch.bool and values_are_checked():
        wrong = (given != 0) & (given != 1)
        if bool(wrong.any()):
            raise ValueError(
                f"{name}: expected bool, or numbers of 0 and 1, got {given[wrong][0].item():g}; compare first, as in "
                f"{name} > 0"
            )
    return given != 0


def known_voxels(target: Tensor, mask: TensorOrArray | None, ignore_label: int | None) -> Tensor | None:
    """The voxels of a target (B, channel, *S) that count, bool (B, 1, *S); None where all do."""
    known = None
    if mask is not None:
        given = tensor_of("mask", mask, target.device)
        expected = (target.shape[0], 1, *target.shape[2:])
        if tuple(given.shape) != expected:
            raise ValueError(f"mask: expected {expected}, True where a voxel counts, got {tuple(given.shape)}")
        known = _where_true("mask", given)
    if ignore_label is not None and _may_hold(target.dtype, ignore_label):
        labelled = (target != ignore_label).all(dim=1, keepdim=True)
        known = labelled if known is None else known & labelled
    if known is not None and values_are_checked() and bool(known.all()):
        return None
    return known


def _may_hold(dtype: torch.dtype, label: int) -> bool:
    """Whether numbers of a type can have this value: PyTorch says that 255 as uint8 equals -1."""
    if dtype.is_floating_point or dtype == torch.bool:
        return True
    return torch.iinfo(dtype).min <= label <= torch.iinfo(dtype).max


def _one_hot(labels: Tensor, known: Tensor | None, logits: Tensor) -> Tensor:
    """A label map (B, 1, *S) as bool (B, K, *S)."""
    classes, expected = logits.shape[1], (logits.shape[0], 1, *logits.shape[2:])
    if tuple(labels.shape) != expected:
        raise ValueError(
            f"target: to_onehot=True expects a label map {expected} for logits {tuple(logits.shape)}, got "
            f"{tuple(labels.shape)}"
        )
    if known is not None:
        labels = labels.masked_fill(~known, 0)
    numbers = torch.arange(classes, device=labels.device).view(-1, *[1] * (labels.ndim - 2))
    one_hot = labels == numbers
    if values_are_checked() and not bool(one_hot.any(dim=1).all()):
        low, high = (value.item() for value in labels.aminmax())
        raise ValueError(
            f"target: expected labels 0 … {classes - 1} for {classes} channels, got {low:g} … {high:g}; name the label "
            "of voxels that nobody knows with ignore_label"
        )
    return one_hot


def _checked(target: Tensor, known: Tensor | None, logits: Tensor, convention: Convention) -> Tensor:
    """A target that has the logits' channels already, 0 where nobody knows."""
    if target.shape != logits.shape:
        one_channel = target.shape == (logits.shape[0], 1, *logits.shape[2:])
        hint = "; of a label map give to_onehot=True" if one_channel else ""
        raise ValueError(f"target: shape {tuple(target.shape)} differs from the logits' {tuple(logits.shape)}{hint}")
    target = known_target(target, known)
    if convention.activation == "softmax" and values_are_checked():
        total = at_least_float32(target).sum(dim=1, keepdim=True)
        amiss = (total - 1.0).abs() > 1e-3
        if bool((amiss if known is None else amiss & known).any()):
            raise ValueError(
                "target: a softmax's channels exclude one another, but those of the target do not add up to 1; give "
                "the background a channel, or activation='sigmoid' for classes that overlap"
            )
    return target


def _tube(tube: TensorOrArray, logits: Tensor, counted: slice) -> Tensor:
    """A tube of the union of all classes, bool (B, 1, *S), or one of each that counts, (B, C, *S)."""
    tubes = tensor_of("tube", tube, logits.device)
    channels = logits.shape[1] - (counted.start or 0)
    shapes: Sequence[int] = (1, channels, logits.shape[1])
    if tuple(tubes.shape) not in {(logits.shape[0], number, *logits.shape[2:]) for number in shapes}:
        expected = (logits.shape[0], 1, *logits.shape[2:])
        raise ValueError(f"tube: expected {expected}, or a channel a class, got {tuple(tubes.shape)}")
    tubes = _where_true("tube", tubes)
    return tubes if tubes.shape[1] in (1, channels) else tubes[:, counted]
