"""A running mean of a network's weights over the updates of a training, which wavers less than the latest ones."""

import copy

import torch

from ramify.models.network import Network

_SHORT = 9
"""An early mean is over about a ninth of the updates so far: those before knew little."""


class WeightAverage:
    """The mean of a network's weights with a decay, as a network of its own.

    torch's AveragedModel counts its updates in a tensor of the device, for which every update would wait; here their
    number is told, and no checkpoint has to hold it.

    After the n-th update (from 0) the latest weights have the share max(1 - decay, 9 / (9 + n)) of it: at first all, so
    that nothing stays of those that the training began with. What norms know of grey values is what the latest know.

    Args:
        network: whose weights are averaged, on its device.
        decay: share of the mean that stays at an update, once there were many.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self._decay = decay

    @torch.no_grad()
    def update(self, latest: Network, done: int) -> None:
        """Let the latest weights in. done: updates before this one."""
        share = max(1 - self._decay, _SHORT / (_SHORT + done))
        torch._foreach_lerp_(list(self.network.parameters()), list(latest.parameters()), share)
        for mean, its in zip(self.network.buffers(), latest.buffers(), strict=True):
            mean.copy_(its)
