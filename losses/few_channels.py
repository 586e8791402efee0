"""A loss that is a mean over channels, a few of them at a time."""

from collections.abc import Callable
from functools import partial

from torch import Tensor

from ramify.losses.early_gradient import differentiated_at_once

VALUES_AT_ONCE = 2**20
"""Channels are taken together up to as many values: fewer would leave a GPU waiting, more only take memory."""


def mean_by_channels(loss: Callable[[Tensor, Tensor], Tensor], probabilities: Tensor, target: Tensor) -> Tensor:
    """The mean over channels of a loss of (target, probabilities), each (B, c, *S), that is a mean over its c channels.

    What is kept for the gradient does not grow with the number of channels C.
    """
    at_once = max(1, VALUES_AT_ONCE // probabilities[:, 0].numel())
    total = probabilities.new_zeros(())
    for own, truth in zip(probabilities.split(at_once, dim=1), target.split(at_once, dim=1)):
        share = own.shape[1] / probabilities.shape[1]
        total = total + share * differentiated_at_once(partial(loss, truth), own)
    return total
