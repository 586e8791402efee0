"""A trained network with all that another program must know to use it."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ramify.models.build import place_network
from ramify.models.network import Network
from ramify.models.outputs import main_probabilities
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.tasks.formulation import Tasks
from ramify.training.settings import RunSettings
from ramify.training.trained_network import read_network


class Probabilities(nn.Module):
    """A network with what makes probabilities of its logits: image (B, C, *S) -> (B, M, *S) of `Tasks.segmented`.

    The image is one prepared as those of the training were, each axis a multiple of the network's `size_multiples`.
    """

    def __init__(self, network: Network, tasks: Tasks) -> None:
        super().__init__()
        self.network = network
        self.tasks = tasks

    def forward(self, image: Tensor) -> Tensor:
        return main_probabilities(self.network(image).logits, self.tasks)

    def example(self, *factors: int, batch: int = 1) -> Tensor:
        """Noise of a size that the network takes, so many size multiples along each axis (the last factor goes on)."""
        multiples = self.network.size_multiples
        size = [multiple * factors[min(axis, len(factors) - 1)] for axis, multiple in enumerate(multiples)]
        noise = torch.Generator().manual_seed(0)
        return torch.rand(batch, self.network.in_channels, *size, generator=noise)


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """What a checkpoint holds, as far as the use of its network goes.

    Attributes:
        module: the network on the CPU, in evaluation mode.
        channels: names of the image's channels.
        settings: of the training.
        preprocessing: of its cases.
        prepared_shape, prepared_spacing_mm: medians of its prepared cases, z y x.
    """

    module: Probabilities
    channels: tuple[str, ...]
    settings: RunSettings
    preprocessing: PreprocessingSettings
    prepared_shape: tuple[int, ...]
    prepared_spacing_mm: tuple[float, ...]

    @property
    def tasks(self) -> Tasks:
        return self.module.tasks

    @property
    def ndim(self) -> int:
        return self.module.network.ndim

    @property
    def size_multiples(self) -> tuple[int, ...]:
        return self.module.network.size_multiples

    @property
    def values(self) -> tuple[int, ...]:
        """What a prediction writes for background and each class number."""
        return self.tasks.written_values or (0, 1)


def load_trained(checkpoint: Path) -> TrainedNetwork:
    """The network of a checkpoint; raises as `training.predictor.Predictor`."""
    network, state, settings, preprocessing, tasks = read_network(checkpoint)
    prepared = state["prepared"]
    return TrainedNetwork(
        Probabilities(place_network(network, "cpu"), tasks).eval(),
        tuple(state["channels"]),
        settings,
        preprocessing,
        tuple(prepared["shape"]),
        tuple(prepared["spacing_mm"]),
    )
