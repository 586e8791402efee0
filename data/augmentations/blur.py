"""Gaussian blur, in millimetres."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ramify.data.augmentations.drawn import Augmentation, Draw, GreyChange
from ramify.data.gaussian_smoothing import smooth


def blur(drawn: Augmentation, draw: Draw) -> Augmentation:
    """A standard deviation, drawn uniformly, for all axes or one each."""
    of, ndim = draw.settings.blur, len(drawn.matrix_mm)

    def sigmas_mm(random: np.random.Generator) -> tuple[float, ...]:
        drawn_mm = random.uniform(*of.sigma_mm, size=ndim if of.per_axis else 1)
        return tuple(np.broadcast_to(drawn_mm, ndim).tolist())

    widths = draw.for_channels("blur", of, sigmas_mm)
    return drawn.with_grey(GreyChange(Blur(sigma_mm), channel) for channel, sigma_mm in widths)


@dataclass(frozen=True)
class Blur:
    """A Gaussian of standard deviations along each axis in millimetres: as wide for the patient on any grid."""

    sigma_mm: tuple[float, ...]

    def __call__(self, channel: NDArray[np.float32], spacing_mm: tuple[float, ...]) -> None:
        """A channel (*S), changed where it is."""
        smooth(channel, [sigma / voxel for sigma, voxel in zip(self.sigma_mm, spacing_mm, strict=True)])
