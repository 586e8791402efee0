"""Contrast: distances from the mean intensity times a factor."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ramify.compilation import compiled
from ramify.data.augmentations.drawn import Augmentation, Draw, GreyChange, log_uniform


def contrast(drawn: Augmentation, draw: Draw) -> Augmentation:
    """A factor, drawn log-uniformly."""
    of = draw.settings.contrast
    factors = draw.for_channels("contrast", of, lambda random: log_uniform(random, of.factor))
    return drawn.with_grey(GreyChange(Contrast(factor), channel) for channel, factor in factors)


@dataclass(frozen=True)
class Contrast:
    """Distances from a channel's mean in the sample times a factor, clipped to the range it had."""

    factor: float

    def __call__(self, channel: NDArray[np.float32], spacing_mm: tuple[float, ...]) -> None:
        """A channel (*S), changed where it is."""
        _stretch(channel.reshape(-1), np.float32(self.factor), channel.mean(), channel.min(), channel.max())


@compiled(nogil=True)
def _stretch(values, factor, mean, low, high):  # type: ignore[no-untyped-def]
    for n in range(values.size):
        value = (values[n] - mean) * factor + mean
        value = low if value < low else value
        values[n] = high if value > high else value
