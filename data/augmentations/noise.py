"""Gaussian noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ramify.data.augmentations.drawn import Augmentation, Draw, GreyChange
from ramify.data.normal_numbers import add_normal


def noise(drawn: Augmentation, draw: Draw) -> Augmentation:
    """A standard deviation, drawn uniformly, and a seed for each channel."""
    of = draw.settings.noise
    strengths = draw.for_channels("noise", of, lambda random: random.uniform(*of.sd))
    if not strengths:
        return drawn
    seeds = draw.branches.stream("noise of voxels").integers(2**63, size=draw.channels).tolist()
    return drawn.with_grey(GreyChange(Noise(sd, seeds[channel]), channel) for channel, sd in strengths)


@dataclass(frozen=True)
class Noise:
    """Normal numbers of a standard deviation added, the same for the same seed and shape."""

    sd: float
    seed: int

    def __call__(self, channel: NDArray[np.float32], spacing_mm: tuple[float, ...]) -> None:
        """A channel (*S), changed where it is."""
        add_normal(channel, self.sd, self.seed)
