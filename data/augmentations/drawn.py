"""One drawn change of a sample, and what it is drawn from."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ramify.data.augmentations.settings import AugmentationSettings

GreyChange = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From the intensities of a sample to other ones of the same shape."""


@dataclass(frozen=True, eq=False)
class Augmentation:
    """One drawn change of a sample.

    Attributes:
        matrix_mm: rotation and flips, (ndim, ndim), acting on millimetres in z, y, x order.
        translation_mm: shift, (ndim,).
        grey_changes: what is done to the intensities of the sampled image, in order.
    """

    matrix_mm: NDArray[Any]
    translation_mm: NDArray[Any]
    grey_changes: tuple[GreyChange, ...] = ()

    @staticmethod
    def identity(ndim: int) -> "Augmentation":
        """The change that changes nothing."""
        return Augmentation(np.eye(ndim), np.zeros(ndim))

    def in_place(self) -> "Augmentation":
        """The same change without its shift."""
        return replace(self, translation_mm=np.zeros_like(self.translation_mm))


class Draw(NamedTuple):
    """What an augmentation is drawn from.

    settings: how far samples are changed. random: to draw from. moved: whether this sample is one of those that are
    rotated and translated. seen_mm: how much of the volume it sees along each axis, (ndim,); None where that is all.
    """

    settings: AugmentationSettings
    random: np.random.Generator
    moved: bool
    seen_mm: NDArray[Any] | None


DrawnOnTop = Callable[[Augmentation, Draw], Augmentation]
"""What was drawn so far, with one augmentation more; it draws as many numbers whatever its settings are."""
