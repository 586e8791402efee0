"""Weighted cross-entropy from logits: the voxel-wise part of L_mt and L_s in Sadikine et al. 2023, Eq. 5."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ramify.losses.checks import check_mask, check_same_shape, known_target
from ramify.losses.precision import at_least_float32
from ramify.losses.value_checks import values_are_checked
from ramify.losses.volume_sums import mean_of_known


def binary_cross_entropy(
    logits: Tensor,
    target: Tensor,
    foreground_weight: float | Sequence[float] = 1.0,
    *,
    mask: Tensor | None = None,
) -> Tensor:
    """Weighted binary cross-entropy, the mean over voxels of -(w y log p + (1 - y) log(1 - p)) with p = sigmoid(logit).

    Args:
        logits: (B, C, *S), any floating type; computed in float32 or better, without ever forming p.
        target: (B, C, *S) in [0, 1] or bool.
        foreground_weight: w > 0, the weight of a foreground voxel where a background voxel weighs 1; of all channels,
            or one of each.
        mask: bool (B, 1, *S), the voxels that count; None: all do.

    Raises ValueError where shapes differ or are empty, or the weight is not positive. A target without foreground is an
    ordinary one.

    Examples:
        >>> import torch
        >>> from ramify.losses import binary_cross_entropy
        >>> loss = binary_cross_entropy(torch.zeros(1, 1, 4), torch.tensor([[[1.0, 0.0, 0.0, 0.0]]]))
        >>> round(loss.item(), 3)  # log 2: a logit of 0 is a probability of a half
        0.693
    """
    check_same_shape("logits", logits, target)
    weights = [foreground_weight] if isinstance(foreground_weight, int | float) else list(foreground_weight)
    _check_weights(weights)
    if len(weights) not in (1, logits.shape[1]):
        raise ValueError(f"foreground_weight: expected 1 or {logits.shape[1]} of them, got {len(weights)}")
    logits = at_least_float32(logits)
    weight = _of_channels(weights, logits)
    target = known_target(target, mask)
    if mask is None:
        return functional.binary_cross_entropy_with_logits(logits, target.to(logits.dtype), pos_weight=weight)
    of_voxel = functional.binary_cross_entropy_with_logits(
        logits, target.to(logits.dtype), pos_weight=weight, reduction="none"
    )
    return mean_of_known(of_voxel, mask)


def categorical_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    class_weights: Sequence[float] | None = None,
    *,
    mask: Tensor | None = None,
) -> Tensor:
    """Weighted cross-entropy over exclusive classes, the mean over voxels of -w_y log softmax(logits)_y.

    Divided by the number of voxels, as the binary one is, and not by the sum of the weights. One-hot targets rather
    than torch's own loss, which has no deterministic form on CUDA.

    Args:
        logits: (B, K, *S), any floating type; computed in float32 or better.
        labels: (B, *S) integers 0 … K - 1; or the share of each class, (B, K, *S) in [0, 1] or bool.
        class_weights: K weights > 0; all 1 if None.
        mask: bool (B, 1, *S), the voxels that count; the others may have any label; None: all do.

    Raises ValueError where shapes do not fit or are empty, a label is out of range or a weight is not positive.

    Examples:
        >>> import torch
        >>> from ramify.losses import categorical_cross_entropy
        >>> loss = categorical_cross_entropy(torch.zeros(1, 3, 4), torch.tensor([[0, 1, 2, 0]]))
        >>> round(loss.item(), 3)  # log 3: equal logits
        1.099
    """
    classes = logits.shape[1] if logits.ndim > 1 else 0
    shares = labels if labels.ndim == logits.ndim else _one_hot(labels, classes)
    check_same_shape("logits", logits, shares)
    weights = [1.0] * classes if class_weights is None else list(class_weights)
    _check_weights(weights)
    if len(weights) != classes:
        raise ValueError(f"class_weights: expected {classes} of them, one a channel of the logits, got {len(weights)}")
    check_mask(mask, logits)
    if shares is labels:
        shares = known_target(shares, mask)
    elif values_are_checked():
        _check_labels(labels if mask is None else labels.masked_fill(~mask.squeeze(1), 0), classes)
    log_probabilities = functional.log_softmax(at_least_float32(logits), dim=1)
    weight = _of_channels(weights, log_probabilities)
    if mask is None:
        return -(log_probabilities * (shares * weight)).sum() / logits[:, 0].numel()
    return mean_of_known(-(log_probabilities * (shares * weight)).sum(dim=1, keepdim=True), mask)


def _of_channels(weights: Sequence[float], values: Tensor) -> Tensor:
    """The weights for values (B, K, *S), (K, 1, …); filled in where the values are, for which nobody waits."""
    filled = torch.stack([values.new_full((), weight) for weight in weights])
    return filled.view(-1, *[1] * (values.ndim - 2))


def _one_hot(labels: Tensor, classes: int) -> Tensor:
    """Labels (B, *S) as bool (B, K, *S)."""
    return labels.unsqueeze(1) == torch.arange(classes, device=labels.device).view(-1, *[1] * (labels.ndim - 1))


def _check_labels(labels: Tensor, classes: int) -> None:
    low, high = (int(value) for value in labels.aminmax())
    if low < 0 or high >= classes:
        raise ValueError(f"labels: expected 0 … {classes - 1} for logits of {classes} channels, got {low} … {high}")


def balanced_weight(foreground_voxels: int, voxels: int) -> float:
    """Weight of a foreground voxel from how rare it is: sqrt(background / foreground), at least 1.

    The geometric mean of no weight and full balance, which for vessels of a per cent or less weighs so much that it
    pays to paint everything near one. No foreground at all gives 1.

    Examples:
        >>> from ramify.losses import balanced_weight
        >>> balanced_weight(foreground_voxels=10, voxels=100)  # sqrt(90 / 10)
        3.0
    """
    if not 0 <= foreground_voxels <= voxels:
        raise ValueError(f"foreground_voxels: expected 0 … {voxels}, got {foreground_voxels}")
    if foreground_voxels == 0:
        return 1.0
    return max(1.0, math.sqrt((voxels - foreground_voxels) / foreground_voxels))


def _check_weights(weights: Sequence[float]) -> None:
    for weight in weights:
        if not 0.0 < weight < math.inf:
            raise ValueError(f"weight of a class: expected a positive number, got {weight!r}")
