"""What every loss asks of its tensors: equal shapes, values in [0, 1], known voxels, channels that are channels."""

import math

import torch
from torch import Tensor

from ramify.losses.precision import at_least_float32
from ramify.losses.value_checks import are_of_a_network, values_are_checked

ROUNDING = 0.01
"""How far beyond [0, 1] a value may be for rounding: bfloat16's is 0.008 near 1."""
SUSPICIOUS_CHANNELS = 16
"""From so many on, channels of one or two axes are asked whether they are slices of a volume, where most overlap the
next."""


def check_same_shape(name: str, values: Tensor, target: Tensor) -> None:
    """Raise ValueError unless two tensors share their shape, (batch, channel, …) with a spatial axis, not empty."""
    for each, tensor in ((name, values), ("target", target)):
        if not isinstance(tensor, Tensor):
            raise ValueError(f"{each}: expected a tensor, got {type(tensor).__name__}; torch.as_tensor makes one of it")
    if values.shape != target.shape:
        one_channel = target.shape == (*values.shape[:1], 1, *values.shape[2:])
        hint = "; of a label map make one channel a class first (one-hot)" if one_channel else ""
        raise ValueError(f"{name}: shape {tuple(values.shape)} differs from the target's {tuple(target.shape)}{hint}")
    if values.ndim < 3:
        raise ValueError(
            f"{name}: expected (batch, channel, …) with a spatial axis at least, got {tuple(values.shape)}; add the "
            "axis of channels with unsqueeze(1)"
        )
    if values.numel() == 0:
        raise ValueError(f"{name}: expected (batch, channel, …) with at least one value, got {tuple(values.shape)}")
    if not values.is_floating_point():
        raise ValueError(f"{name}: expected floating point numbers, got {values.dtype}")


def known_part(probabilities: Tensor, target: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The two as a loss can take them: checked, probabilities in float32 or better, both 0 where nobody knows.

    Probabilities beyond [0, 1] by no more than rounding are cut to it. Costs one pass over each; logits and label maps
    are found by their range.

    Args:
        probabilities: (B, C, *S) floats.
        target: (B, C, *S) numbers in [0, 1] or bool; whatever else where the mask is False.
        mask: bool (B, 1, *S), the voxels that count; None: all do.

    Raises ValueError where shapes differ or are empty, values leave [0, 1] (as logits do, label maps, and NaN), the
    mask does not fit, or the channels look like an axis of the volume.
    """
    check_same_shape("probabilities", probabilities, target)
    target = known_target(target, mask)
    probabilities = in_unit_range(at_least_float32(probabilities))
    return (probabilities if mask is None else probabilities.masked_fill(~mask, 0.0)), target


def known_target(target: Tensor, mask: Tensor | None = None, name: str = "target") -> Tensor:
    """The target of `known_part` alone, by its name: checked, and 0 where nobody knows."""
    check_mask(mask, target)
    if mask is not None:
        target = target.masked_fill(~mask, 0)
    if values_are_checked():
        if target.dtype != torch.bool:
            _check_target(name, target)
        _check_channels(name, target)
    return target


def check_mask(mask: Tensor | None, values: Tensor) -> None:
    """Raise ValueError unless the mask is None, or bool (B, 1, *S) for values (B, C, *S)."""
    expected = (values.shape[0], 1, *values.shape[2:])
    if mask is not None and not isinstance(mask, Tensor):
        raise ValueError(f"mask: expected a tensor, got {type(mask).__name__}; torch.as_tensor makes one of it")
    if mask is not None and (tuple(mask.shape) != expected or mask.dtype != torch.bool):
        raise ValueError(
            f"mask: expected bool {expected}, True where a voxel counts, got {mask.dtype} {tuple(mask.shape)}"
        )


def in_unit_range(probabilities: Tensor) -> Tensor:
    """Probabilities with what rounding has left beyond [0, 1] cut off; ValueError where it is more than rounding."""
    if not values_are_checked():
        return probabilities if are_of_a_network() else probabilities.clamp(0.0, 1.0)
    low, high = _range_of(probabilities)
    _check_number("probabilities", low)
    if low < -ROUNDING or high > 1.0 + ROUNDING:
        raise ValueError(
            f"probabilities: expected [0, 1], got [{low:g}, {high:g}]; pass logits through a sigmoid or softmax first"
        )
    return probabilities if low >= 0.0 and high <= 1.0 else probabilities.clamp(0.0, 1.0)


def _check_target(name: str, target: Tensor) -> None:
    low, high = _range_of(target)
    _check_number(name, low)
    if low < 0.0 or high > 1.0:
        raise ValueError(
            f"{name}: expected [0, 1], got [{low:g}, {high:g}]; of a label map make one channel a class first "
            "(one-hot), and leave out by a mask what is to be ignored"
        )


def _check_channels(name: str, target: Tensor) -> None:
    """Raise ValueError where there is no channel axis, by the looks of it: slices overlap those beside them."""
    channels = target.shape[1]
    if are_of_a_network() or target.ndim not in (3, 4) or channels < SUSPICIOUS_CHANNELS:
        return
    inside = (target > 0.5).flatten(2)
    there = inside.any(2)
    beside = (there[:, 1:] & there[:, :-1]).sum()
    overlap = (inside[:, 1:] & inside[:, :-1]).any(2).sum()
    if bool(2 * overlap > beside):
        raise ValueError(
            f"{name}: {tuple(target.shape)} has {channels} channels, most of which overlap the next, which looks like "
            "an axis of the volume; add the axis of channels with unsqueeze(1), or where these are channels go on "
            "without_value_checks (of a module, checked=False)"
        )


def _range_of(values: Tensor) -> tuple[float, float]:
    # In float32, since autocast to bfloat16 stacks no float16.
    bounds = [at_least_float32(bound) for bound in values.detach().aminmax()]
    low, high = torch.stack(bounds).tolist()  # one answer to wait for, not two
    return low, high


def _check_number(name: str, value: float) -> None:
    if math.isnan(value):
        raise ValueError(f"{name}: expected [0, 1], got NaN; look for a network or a loss that has diverged")
