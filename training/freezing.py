"""Parts of a network that stay as they are for the first epochs of a training."""

import difflib

from torch import nn

from ramify.models.network import Network
from ramify.models.parts import parts_of, tensors_of
from ramify.training.settings import TrainSettings


def frozen_names(network: Network, settings: TrainSettings) -> list[str]:
    """Names of the weights and running statistics in the parts that are to be frozen.

    Raises ValueError for a part that the network does not have, and where no part is left that learns.
    """
    if not settings.freeze:
        return []
    parts = parts_of(tensors_of(network))
    for part in settings.freeze:
        if part not in parts:
            near = difflib.get_close_matches(part, parts, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"the network has {', '.join(parts)}"
            raise ValueError(f"train.freeze: unknown part {part!r}; {hint}")
    if not parts.keys() - set(settings.freeze):
        raise ValueError(
            f"train.freeze: {', '.join(parts)} are all parts of the network, and nothing would learn; leave one out"
        )
    return [name for part in dict.fromkeys(settings.freeze) for name in parts[part]]


class Freezing:
    """Holds parts of a network still for the first epochs, and lets them go.

    A frozen weight has no gradient: an optimiser passes it over, its decay too, and has no state of it until it
    learns. Norms with running statistics compute with these, as in a prediction, and do not move them: a frozen part
    is the very function that it was. Which epoch it is decides alone, so that a resumed training needs no state of it.

    In a distributed training every weight must be free when `distribute` is called: gradients of those that are not are
    never shared. Frozen ones are to it as weights that a step does not reach.

    Args:
        network: as it is trained, its norms replaced where they are to be synchronised, nothing frozen yet.
        settings: which parts, and for how many epochs.

    Raises ValueError as `frozen_names`.
    """

    def __init__(self, network: Network, settings: TrainSettings) -> None:
        names = frozenset(frozen_names(network, settings))
        self._epochs = settings.freeze_epochs
        # Some networks have weights of their own that never learn; they are not to be let go.
        self._weights = [each for name, each in network.named_parameters() if name in names and each.requires_grad]
        self._norms: list[nn.Module] = [
            module for name, module in network.named_modules() if f"{name}.running_mean" in names
        ]

    def begin_epoch(self, epoch: int) -> None:
        """Freeze or let go, as an epoch (from 0) has it; after the network was set to training, which frees norms."""
        frozen = epoch < self._epochs
        for weight in self._weights:
            weight.requires_grad_(not frozen)
        for norm in self._norms if frozen else ():
            norm.eval()
