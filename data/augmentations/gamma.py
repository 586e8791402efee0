"""Gamma correction of the intensities."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ramify.data.augmentations.drawn import Augmentation, Draw


def gamma(drawn: Augmentation, draw: Draw) -> Augmentation:
    """An exponent, drawn log-uniformly."""
    low, high = np.log(draw.settings.gamma)
    exponent = float(np.exp(draw.random.uniform(low, high)))
    return drawn if exponent == 1.0 else replace(drawn, grey_changes=(*drawn.grey_changes, Gamma(exponent)))


@dataclass(frozen=True)
class Gamma:
    """Gamma correction within a channel's own range in the sample, which stays as it is."""

    exponent: float

    def __call__(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """A channel (*S), corrected."""
        low, high = float(image.min()), float(image.max())
        if high <= low:
            return image
        scaled = (image - low) / (high - low)
        bent = np.power(scaled, np.float32(self.exponent)) * (high - low) + low
        return np.asarray(bent, dtype=np.float32)
