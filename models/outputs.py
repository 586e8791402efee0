"""What every network returns, and how its logits are read as probabilities."""

from typing import NamedTuple

import torch
from torch import Tensor

from ramify.tasks.formulation import Formulation, check_formulation, is_exclusive


class TaskOutputs(NamedTuple):
    """What a network gives back.

    K is that of the formulation, see `tasks.formulation`; at inference the multi-task ResUNet has its main task alone.

    Examples:
        >>> import torch
        >>> from ramify.models import TaskOutputs
        >>> outputs = TaskOutputs(torch.zeros(1, 1, 4, 4))
        >>> outputs.logits.shape, outputs.projections, outputs.deep_logits
        (torch.Size([1, 1, 4, 4]), (), ())
    """

    logits: Tensor
    """(B, K, *S)."""
    projections: tuple[Tensor, ...] = ()
    """(B, E, *s), l2-normalised over E, one a projection head: a head a scale, a single one that all scales share, or
    none. None at inference."""
    deep_logits: tuple[Tensor, ...] = ()
    """Logits of the same K channels on coarser grids, (B, K, *S/2), (B, K, *S/4), … for deep supervision: finest first,
    every axis a divisor of the logits'. In training mode only, and only where asked for."""


def task_probabilities(logits: Tensor, formulation: Formulation) -> Tensor:
    """Probabilities of vessel (channel 0) and of each scale there is (channels 1 … S) in float32.

    Args:
        logits: (B, K, *S) as the network of that formulation gives them.
        formulation: "multi_task" and "binary" take a sigmoid per channel; "multi_class" takes the softmax over
            background and scales, and a vessel is whatever is not background: the sum over the scales, which stays
            exact where 1 - p would cancel.

    Returns:
        (B, K, *S) in [0, 1]. An empty batch gives an empty tensor.

    Examples:
        >>> import torch
        >>> from ramify.models import task_probabilities
        >>> logits = torch.zeros(1, 4, 1, 1)
        >>> task_probabilities(logits, "multi_task").flatten().tolist()  # a sigmoid each
        [0.5, 0.5, 0.5, 0.5]
        >>> task_probabilities(logits, "multi_class").flatten().tolist()  # vessel is all but background
        [0.75, 0.25, 0.25, 0.25]
    """
    check_formulation(formulation)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    if not is_exclusive(formulation):
        return torch.sigmoid(logits)
    of_scales = torch.softmax(logits, dim=1)[:, 1:]
    return torch.cat((of_scales.sum(dim=1, keepdim=True).clamp(max=1.0), of_scales), dim=1)


def main_probability(logits: Tensor, formulation: Formulation) -> Tensor:
    """Probability of vessel (B, 1, *S) in float32, whatever the formulation; see `task_probabilities`.

    Examples:
        >>> import torch
        >>> from ramify.models import main_probability
        >>> logits = torch.zeros(1, 4, 1, 1)  # background and three scales, all alike
        >>> main_probability(logits, "multi_class").item()
        0.75
    """
    # The sigmoid of the other channels is not wanted here, and may be large.
    return task_probabilities(logits if is_exclusive(formulation) else logits[:, :1], formulation)[:, :1]
