"""Which voxels of the labels a mask is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, TypeVar

ArrayT = TypeVar("ArrayT", bound=Any)
VoxelCounts = Mapping[tuple[int, int], int]
"""Voxels of each (class number, scale): (0, 0) is background, context has scale 0; ignored ones are in none."""


@dataclass(frozen=True)
class Members:
    """The voxels of some classes and scales.

    Attributes:
        classes: their numbers; None: those of any vessel.
        scales: 1 (smallest vessels) … S; None: any.

    Examples:
        >>> from ramify.tasks import Members
        >>> small_vessels = Members(scales=range(1, 2))
        >>> small_vessels.hold(2, 1), small_vessels.hold(2, 3), Members(classes=(1,)).hold(2, 1)
        (True, False, False)
    """

    classes: tuple[int, ...] | None = None
    scales: range | None = None

    def hold(self, number: int, scale: int) -> bool:
        """Whether a voxel of this class and scale is one of them."""
        # Vessels are what has a scale.
        of_class = scale > 0 if self.classes is None else number in self.classes
        return of_class and (self.scales is None or scale in self.scales)

    def mask_in(self, scale_map: ArrayT, class_map: ArrayT | None) -> ArrayT:
        """Where they are, bool.

        Args:
            scale_map: the scale of each voxel, integers, 0 where no vessel is; an array or a tensor.
            class_map: the number of its class, of the same kind and shape; None where vessels are the only class.
        """
        if self.classes is None or class_map is None:
            vessels: ArrayT = scale_map > 0
            return vessels if self.scales is None else _is_one_of(scale_map, self.scales)
        of_class = _is_one_of(class_map, self.classes)
        if self.scales is None:
            return of_class
        of_both: ArrayT = of_class & _is_one_of(scale_map, self.scales)
        return of_both

    def voxels(self, counts: VoxelCounts) -> int:
        """How many there are."""
        return sum(voxels for place, voxels in counts.items() if self.hold(*place))


ANY_VESSEL = Members()


def of_scale(scale: int, number: int | None = None) -> Members:
    """One scale, 1 … S, of any vessel or of one class."""
    return Members(None if number is None else (number,), range(scale, 1 + scale))


def _is_one_of(labels: ArrayT, wanted: Sequence[int]) -> ArrayT:
    """Where the labels are some of these, bool."""
    if isinstance(wanted, range) and len(wanted) > 1:
        within: ArrayT = (labels >= wanted.start) & (labels < wanted.stop)
        return within
    found: ArrayT = reduce(or_, (labels == label for label in wanted))
    return found
