"""Brightness: all intensities times a factor."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ramify.data.augmentations.drawn import Augmentation, Draw, GreyChange, log_uniform


def brightness(drawn: Augmentation, draw: Draw) -> Augmentation:
    """A factor, drawn log-uniformly."""
    of = draw.settings.brightness
    factors = draw.for_channels("brightness", of, lambda random: log_uniform(random, of.factor))
    return drawn.with_grey(GreyChange(Brightness(factor), channel) for channel, factor in factors)


@dataclass(frozen=True)
class Brightness:
    """Intensities times a factor; zero stays zero, wherever the preparation put it."""

    factor: float

    def __call__(self, channel: NDArray[np.float32], spacing_mm: tuple[float, ...]) -> None:
        """A channel (*S), changed where it is."""
        channel *= np.float32(self.factor)
