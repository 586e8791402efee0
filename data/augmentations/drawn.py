"""One drawn change of a sample, and what it is drawn from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ramify.data.augmentations.settings import AugmentationSettings

GreyChange = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From the intensities of one channel of a sample to other ones of the same shape."""


@dataclass(frozen=True, eq=False)
class Augmentation:
    """One drawn change of a sample.

    Attributes:
        matrix_mm: rotation and flips, (ndim, ndim), acting on millimetres in z, y, x order.
        translation_mm: shift, (ndim,).
        grey_changes: what is done to the intensities of each channel of the sampled image, in order.
        mirrored: for each axis whether it is flipped; empty where none is.
    """

    matrix_mm: NDArray[Any]
    translation_mm: NDArray[Any]
    grey_changes: tuple[GreyChange, ...] = ()
    mirrored: tuple[bool, ...] = ()

    @property
    def swaps_sides(self) -> bool:
        """Whether the patient's left and right, along the last axis, change places."""
        return any(self.mirrored[-1:])

    @staticmethod
    def identity(ndim: int) -> "Augmentation":
        """The change that changes nothing."""
        return Augmentation(np.eye(ndim), np.zeros(ndim))

    def within(self, shape: Sequence[int], centre: Sequence[float], spacing_mm: Sequence[float]) -> "Augmentation":
        """The same change, its shift shortened where it would take the window's centre out of a volume of that shape.

        centre: of the window before the shift, in voxels, inside the volume. spacing_mm: voxel size, z, y, x.
        """
        # As in sampling: the window moves through the volume against the shift of the anatomy.
        moved = -np.linalg.solve(self.matrix_mm, self.translation_mm) / np.asarray(spacing_mm)
        room = np.where(moved > 0, np.asarray(shape) - 0.5 - np.asarray(centre), np.asarray(centre) + 0.5)
        share = min([1.0, *(room[moved != 0] / np.abs(moved[moved != 0])).tolist()])
        return self if share == 1.0 else replace(self, translation_mm=self.translation_mm * max(share, 0.0))

    def in_place(self) -> "Augmentation":
        """The same change without its shift."""
        return replace(self, translation_mm=np.zeros_like(self.translation_mm))

    def as_it_lies(self) -> "Augmentation":
        """What it does to the intensities alone."""
        return replace(Augmentation.identity(len(self.matrix_mm)), grey_changes=self.grey_changes)


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
