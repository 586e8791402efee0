"""What every network returns, and how its logits are read as probabilities."""

from typing import NamedTuple

import torch
from torch import Tensor

from ramify.tasks.formulation import Tasks


class TaskOutputs(NamedTuple):
    """What a network gives back.

    K is that of the tasks, see `tasks.formulation`; at inference the multi-task ResUNet has its main task alone.

    Examples:
        >>> import torch
        >>> from ramify.models import TaskOutputs
        >>> outputs = TaskOutputs(torch.zeros(1, 1, 4, 4))
        >>> outputs.logits.shape, outputs.projections, outputs.deep_logits, outputs.auxiliary_logits
        (torch.Size([1, 1, 4, 4]), (), (), ())
    """

    logits: Tensor
    """(B, K, *S)."""
    projections: tuple[Tensor, ...] = ()
    """(B, E, *s), l2-normalised over E, one a projection head: a head a scale, a single one that all scales share, or
    none. None at inference."""
    deep_logits: tuple[Tensor, ...] = ()
    """Logits of the same K channels on coarser grids, (B, K, *S/2), (B, K, *S/4), … for deep supervision: finest first,
    every axis a divisor of the logits'. In training mode only, and only where asked for."""
    auxiliary_logits: tuple[Tensor, ...] = ()
    """Logits of the auxiliary tasks where their decoders end on a coarser grid, (B, K, *S/2^n) as one; `logits` has
    the main task's alone then. In training mode only: otherwise they are up-sampled, and among `logits`."""


def task_probabilities(logits: Tensor, tasks: Tasks) -> Tensor:
    """Probabilities of every vessel (channel 0), then of each mask that the tasks tell apart, in float32.

    Args:
        logits: (B, K, *S) as the network of these tasks gives them; K of the main task alone will do.
        tasks: which channels mean what.

    Returns:
        (B, M, *S) in [0, 1], in the order of `tasks.masks`; without those of the auxiliary tasks where the logits have
        none. Of exclusive classes a vessel is whatever is one of the vessels' classes: the sum over them, which stays
        exact where 1 - p would cancel. Of regions it is the most likely one of vessels alone, or of all where there is
        none of these. An empty batch gives an empty tensor.

    Examples:
        >>> import torch
        >>> from ramify.models import task_probabilities
        >>> from ramify.tasks import Tasks
        >>> logits = torch.zeros(1, 4, 1, 1)
        >>> task_probabilities(logits, Tasks("vessels", "scales", 3)).flatten().tolist()  # a sigmoid each
        [0.5, 0.5, 0.5, 0.5]
        >>> task_probabilities(logits, Tasks("scales", "none", 3)).flatten().tolist()  # vessel is all but background
        [0.75, 0.25, 0.25, 0.25]
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    main, of_main = tasks.main, len(tasks.main.channels)
    if main.exclusive is None and tasks.asked == "vessels":
        return torch.sigmoid(logits)
    own = logits[:, :of_main]
    masks = torch.softmax(own, dim=1)[:, 1:] if main.exclusive else torch.sigmoid(own)
    return torch.cat((any_vessel(masks, tasks), masks, torch.sigmoid(logits[:, of_main:])), dim=1)


def main_probabilities(logits: Tensor, tasks: Tasks) -> Tensor:
    """Probabilities of what a prediction tells apart, `tasks.segmented`, (B, C, *S) in float32.

    Args:
        logits, tasks: as for `task_probabilities`.

    Examples:
        >>> import torch
        >>> from ramify.models import main_probabilities
        >>> from ramify.tasks import Tasks
        >>> logits = torch.zeros(1, 4, 1, 1)  # background and three scales, all alike
        >>> main_probabilities(logits, Tasks("scales", "none", 3)).flatten().tolist()  # vessels, of whichever scale
        [0.75]
    """
    # The sigmoid of the other channels is not wanted here, and may be large.
    masks = task_probabilities(logits[:, : len(tasks.main.channels)], tasks)
    return masks[:, 1:] if tasks.tells_apart else masks[:, :1]


def any_vessel(masks: Tensor, tasks: Tasks) -> Tensor:
    """Probability of any vessel (B, 1, *S), from those of all masks of the main task (B, C, *S)."""
    trees = list(tasks.main.trees) or list(range(masks.shape[1]))
    of_vessels = masks if len(trees) == masks.shape[1] else masks[:, trees]
    if tasks.main.exclusive:
        return of_vessels.sum(dim=1, keepdim=True).clamp(max=1.0)
    return of_vessels.amax(dim=1, keepdim=True)
