"""One way to lay a mask down, however it is stored, so that what is computed from it does not hang on that.

Thinning takes layers off a mask one direction after another, and a mirrored mask has another skeleton than the mirrored
skeleton: laid down in its own way first, a mask gives the same result from any storage order.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ramify.vessels.box import foreground_box

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

    def restore(self, laid: np.ndarray) -> np.ndarray:
        """Turn an array that was laid down back to how it was stored, as a view."""
        return laid.transpose(np.argsort(self.axes))[self._steps()]

    def restore_sizes(self, sizes: Sequence[Number]) -> tuple[Number, ...]:
        """Turn one number an axis of the array laid down back to the order of the axes as stored."""
        return tuple(sizes[self.axes.index(axis)] for axis in range(len(self.axes)))

    def restore_points(self, points: np.ndarray, last: NDArray[np.number]) -> np.ndarray:
        """Turn points (N, ndim) of the array laid down to where they are in the array as stored.

        last: (ndim,), position of the last voxel along each axis as stored, in the points' unit: shape - 1, in voxels.
        """
        stored = points[:, np.argsort(self.axes)]
        for axis in np.flatnonzero(self.backwards):
            stored[:, axis] = last[axis] - stored[:, axis]
        return stored

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
    profiles = _profiles(mask)
    backwards = tuple(reverse < forward for forward, reverse in profiles)
    sizes = _compared(spacing_mm)
    axes = sorted(range(mask.ndim), key=lambda axis: (-sizes[axis], min(profiles[axis])))
    return Orientation(tuple(axes), backwards)


def own_orientations(
    mask: NDArray[np.bool_], spacing_mm: Sequence[float], among: Sequence[Orientation] | None = None
) -> tuple[Orientation, ...]:
    """Return all orientations in which a mask, and each mirrored and transposed copy of it, is one and the same array.

    As `own_orientation`, but nothing is left to how the array is stored: where numbers of voxels read alike, those
    orientations are taken that have the least room before the mask, and of these those whose voxels come first. There
    are several only for a symmetric mask, which is the same in all of them and leaves the choice to another mask. An
    axis along which the volume is a single slice comes before all others.

    Args:
        mask: bool (*S).
        spacing_mm: voxel size along each axis, mm.
        among: the orientations to choose from; None: all there are.
    """
    found = list(among or _every_orientation(mask.ndim))
    sizes = _compared(spacing_mm)
    found = _first(found, lambda pose: [(mask.shape[axis] > 1, -sizes[axis]) for axis in pose.axes])
    box = foreground_box(mask)
    inside = mask[box]
    if not inside.size:
        # An empty mask is the same in all that have its shape.
        return tuple(_first(found, lambda pose: pose.lay_sizes(mask.shape)))
    profiles = _profiles(inside)
    found = _first(found, lambda pose: [profiles[axis][pose.backwards[axis]] for axis in pose.axes])
    room = [(side.start, size - side.stop) for side, size in zip(box, mask.shape, strict=True)]
    found = _first(found, lambda pose: [(mask.shape[axis], room[axis][pose.backwards[axis]]) for axis in pose.axes])
    return tuple(_first(found, lambda pose: np.packbits(~pose.lay(inside)).tobytes()))


def _compared(spacing_mm: Sequence[float]) -> list[float]:
    """Voxel sizes as they are compared: an oblique NIfTI keeps its directions and sizes rounded to float32."""
    return [float(f"{size:.5g}") for size in spacing_mm]


def _profiles(mask: NDArray[np.bool_]) -> list[tuple[list[int], list[int]]]:
    """Numbers of voxels in each slice across each axis, forwards and backwards."""
    profiles = []
    for axis in range(mask.ndim):
        across = tuple(other for other in range(mask.ndim) if other != axis)
        profile = np.count_nonzero(mask, axis=across).tolist()
        profiles.append((profile, profile[::-1]))
    return profiles


def _every_orientation(ndim: int) -> list[Orientation]:
    """All of them, that of the array as it is stored first."""
    backwards = list(itertools.product((False, True), repeat=ndim))
    return [Orientation(axes, back) for axes in itertools.permutations(range(ndim)) for back in backwards]


def _first(orientations: list[Orientation], key: Callable[[Orientation], Any]) -> list[Orientation]:
    """Those whose key comes first."""
    if len(orientations) == 1:
        return orientations
    keys = [key(orientation) for orientation in orientations]
    least = min(keys)
    return [orientation for orientation, its in zip(orientations, keys, strict=True) if its == least]
