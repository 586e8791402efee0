"""One drawn change of a sample, and what it is drawn from."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ramify.data.augmentations.elastic_field import ElasticField
from ramify.data.augmentations.kind_settings import Occasional, OfChannels
from ramify.data.augmentations.settings import AugmentationSettings
from ramify.data.random_streams import Branches

Value = TypeVar("Value")
ChannelChange = Callable[[NDArray[np.float32], tuple[float, ...]], None]
"""Changes the intensities of one channel of a sample, (*S), where they are; the second is its spacing, mm, z, y, x."""


class GreyChange(NamedTuple):
    """What is done to intensities, and to which channel; None: to each of them."""

    change: ChannelChange
    channel: int | None = None


@dataclass(frozen=True, eq=False)
class Augmentation:
    """One drawn change of a sample.

    Attributes:
        matrix_mm: zoom, rotation and flips, (ndim, ndim), acting on millimetres in z, y, x order.
        translation_mm: shift, (ndim,).
        grey_changes: what is done to the intensities of the sampled image, in order.
        mirrored: for each axis whether it is flipped; empty where none is.
        elastic: how it is bent beside that; None: it is not.
    """

    matrix_mm: NDArray[Any]
    translation_mm: NDArray[Any]
    grey_changes: tuple[GreyChange, ...] = ()
    mirrored: tuple[bool, ...] = ()
    elastic: ElasticField | None = None

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

    def with_grey(self, changes: Iterable[GreyChange]) -> "Augmentation":
        """The same change, and these of the intensities after it."""
        return replace(self, grey_changes=(*self.grey_changes, *changes))


class Draw(NamedTuple):
    """What an augmentation is drawn from.

    settings: how far samples are changed. random: to draw from. moved: whether this sample is one of those that are
    rotated and translated. seen_mm: how much of the volume it sees along each axis, (ndim,); None where that is all.
    branches: streams beside `random`, which has the place of a patch after the augmentations: what is drawn from them
    leaves that place, and the other augmentations, as they are. channels: of the image.
    """

    settings: AugmentationSettings
    random: np.random.Generator
    moved: bool
    seen_mm: NDArray[Any] | None
    branches: Branches
    channels: int = 1

    def stream_if_changed(self, name: str, of: Occasional) -> np.random.Generator | None:
        """The stream of an augmentation, by its name, if this sample is one of those that it changes."""
        if not of.probability:
            return None
        random = self.branches.stream(name)
        return random if random.random() < of.probability else None

    def for_channels(
        self, name: str, of: OfChannels, draw: Callable[[np.random.Generator], Value]
    ) -> list[tuple[int, Value]]:
        """The channels that an augmentation changes in this sample, each with a value, drawn alone or one for all."""
        random = self.stream_if_changed(name, of)
        if random is None:
            return []
        changed = np.flatnonzero(random.random(self.channels) < of.channel_probability).tolist()
        together = draw(random) if of.channels == "together" else None
        return [(channel, draw(random) if together is None else together) for channel in changed]


DrawnOnTop = Callable[[Augmentation, Draw], Augmentation]
"""What was drawn so far, with one augmentation more; what it draws from `Draw.random` is always as many numbers."""


def log_uniform(random: np.random.Generator, bounds: tuple[float, float]) -> float:
    """A factor within bounds; it and its inverse are as likely where both lie within."""
    low, high = np.log(bounds)
    return float(np.exp(random.uniform(low, high)))
