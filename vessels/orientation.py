"""One way to lay a mask down, however it is stored, so that what is computed from it does not hang on that.

Thinning takes layers off a mask one direction after another, and a mirrored mask has another skeleton than the mirrored
skeleton: laid down in its own way first, a mask gives the same result from any storage order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Orientation:
    """Axes in another order, some of them backwards.

    axes: the array axis that comes first, second, ….
    backwards: for each array axis, whether it runs backwards.
    """

    axes: tuple[int, ...]
    backwards: tuple[bool, ...]

    @classmethod
    def as_stored(cls, ndim: int) -> "Orientation":
        """The orientation that changes nothing."""
        return cls(tuple(range(ndim)), (False,) * ndim)

    def lay(self, array: np.ndarray) -> np.ndarray:
        """Turn an array (*S), as a view: what is written to it lands in the array as it was stored."""
        return array[self._steps()].transpose(self.axes)

    def lay_sizes(self, sizes: Sequence[Number]) -> tuple[Number, ...]:
        """Turn one number an axis, such as the spacing or the shape."""
        return tuple(sizes[axis] for axis in self.axes)

    def _steps(self) -> tuple[slice, ...]:
        return tuple(slice(None, None, -1 if backwards else 1) for backwards in self.backwards)


def own_orientation(mask: NDArray[np.bool_], spacing_mm: Sequence[float]) -> Orientation:
    """Return the orientation that a mask and its mirrored and transposed copies have in common once laid down.

    Axes come by their spacing, the coarsest first, and then by how many voxels each slice across them has; each axis
    runs so that these numbers come first in the dictionary. A mask whose numbers read the same both ways, or alike
    along two axes, keeps these as they are.

    Args:
        mask: bool (*S).
        spacing_mm: voxel size along each axis, mm.
    """
    profiles = []
    for axis in range(mask.ndim):
        across = tuple(other for other in range(mask.ndim) if other != axis)
        profile = np.count_nonzero(mask, axis=across).tolist()
        profiles.append((profile, profile[::-1]))
    backwards = tuple(reverse < forward for forward, reverse in profiles)
    axes = sorted(range(mask.ndim), key=lambda axis: (-spacing_mm[axis], min(profiles[axis])))
    return Orientation(tuple(axes), backwards)
