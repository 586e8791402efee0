"""Volumes whose voxels lie on one lattice: a mask cut out of a scan, flipped or not, is copied and not resampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.data.volume import MISPLACEMENT_MM, MISPLACEMENT_VOXELS, Volume

Box = tuple[tuple[int, int], ...]
"""First voxel and the one after the last, for each axis; may reach outside of the volume it is counted in."""


@dataclass(frozen=True)
class LatticePlace:
    """Where a volume lies in another's lattice of voxels.

    axes: which of its axes runs along each axis of the other. flipped: whether it runs backwards there.
    start: index in the other of its first voxel along each axis, once axes and directions agree; may be negative.
    """

    axes: tuple[int, ...]
    flipped: tuple[bool, ...]
    start: tuple[int, ...]

    def turned(self, array: NDArray[Any]) -> NDArray[Any]:
        """The volume's array with the other's axes and directions: a view."""
        backwards = tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)
        return array.transpose(self.axes)[backwards]

    def is_same(self, shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
        """Whether a volume of that shape has the axes, the directions and all the voxels of the other, and no more."""
        return shape == other and self == LatticePlace(
            tuple(range(len(shape))), (False,) * len(shape), (0,) * len(shape)
        )

    def box(self, shape: tuple[int, ...]) -> Box:
        """What a volume of that shape covers, in the other's voxels."""
        return tuple((first, first + shape[axis]) for first, axis in zip(self.start, self.axes, strict=True))


def place_on_lattice(volume: Volume, reference: Volume) -> LatticePlace | None:
    """Where `volume` lies in the lattice of `reference`, or None where its voxels lie between those of `reference`.

    The corners may lie as far off as in `data.volume.check_same_geometry`. Raises as index_map.
    """
    matrix, offset = index_map(volume, reference)
    whole = np.rint(matrix).astype(int)
    if not ((np.abs(whole).sum(axis=0) == 1).all() and (np.abs(whole).sum(axis=1) == 1).all()):
        return None
    start = np.rint(offset).astype(int)
    corners = _corner_indices(volume.shape)
    apart = (corners @ (matrix - whole).T + (offset - start)) * np.array(reference.spacing_mm)
    allowed = min(MISPLACEMENT_VOXELS * min(*volume.spacing_mm, *reference.spacing_mm), MISPLACEMENT_MM)
    if np.linalg.norm(apart, axis=1).max() > allowed:
        return None
    axes = np.abs(whole).argmax(axis=1)
    flipped = whole[np.arange(volume.ndim), axes] < 0
    lengths = np.array(volume.shape)[axes]
    first = np.where(flipped, start - lengths + 1, start)
    return LatticePlace(tuple(axes.tolist()), tuple(flipped.tolist()), tuple(first.tolist()))


def copy_onto(volume: Volume, grid: Volume, place: LatticePlace) -> NDArray[Any]:
    """The voxels of `volume` where they lie in `grid` (*S), 0 elsewhere; what lies outside of `grid` is left out."""
    result = np.zeros(grid.shape, dtype=volume.array.dtype)
    box = place.box(volume.shape)
    inside = [(max(first, 0), min(stop, length)) for (first, stop), length in zip(box, grid.shape, strict=True)]
    if all(first < stop for first, stop in inside):
        target = tuple(slice(first, stop) for first, stop in inside)
        source = tuple(
            slice(first - begin, stop - begin) for (first, stop), (begin, _) in zip(inside, box, strict=True)
        )
        result[target] = place.turned(volume.array)[source]
    return result


def index_map(volume: Volume, reference: Volume) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(matrix, offset) with index in `reference` = matrix @ index in `volume` + offset.

    Raises ValueError where one is 2D and the other 3D.
    """
    if len(numbers := {volume.ndim, reference.ndim}) > 1:
        raise ValueError(
            f"resampling: expected volumes of one number of dimensions, got {min(numbers)} and {max(numbers)}"
        )
    from_own, own_offset = volume.affine()
    to_world, world_offset = reference.affine()
    inverse = np.linalg.inv(to_world)
    return inverse @ from_own, inverse @ (own_offset - world_offset)


def foreground_box(volume: Volume, reference: Volume) -> Box | None:
    """The voxels of `reference`'s lattice whose centres the box of a volume's foreground covers; None without any."""
    ranges = []
    for axis in range(volume.ndim):
        others = tuple(other for other in range(volume.ndim) if other != axis)
        occupied = np.flatnonzero(volume.array.any(axis=others))
        if not occupied.size:
            return None
        ranges.append((occupied[0] - 0.5, occupied[-1] + 0.5))
    matrix, offset = index_map(volume, reference)
    corners = np.array(np.meshgrid(*ranges, indexing="ij")).reshape(volume.ndim, -1).T @ matrix.T + offset
    lowest, highest = np.ceil(corners.min(axis=0) - 1e-6), np.floor(corners.max(axis=0) + 1e-6)
    return tuple((int(low), int(high) + 1) for low, high in zip(lowest, highest, strict=True))


def share_outside(mask: Volume, field: Volume) -> float:
    """The share of a mask's (or label map's) foreground that lies outside of the voxels of `field`; 0 without any."""
    matrix, offset = index_map(mask, field)
    upper = np.array(field.shape) - 0.5
    total = outside = 0
    for first, part in enumerate(mask.array):  # a slice at a time: the positions of a whole organ are large
        rest = np.argwhere(part)
        total += len(rest)
        indices = np.concatenate([np.full((len(rest), 1), first), rest], axis=1)
        places = indices @ matrix.T + offset
        outside += int(np.count_nonzero(((places < -0.5 - 1e-6) | (places > upper + 1e-6)).any(axis=1)))
    return outside / total if total else 0.0


def _corner_indices(shape: tuple[int, ...]) -> NDArray[np.float64]:
    return (
        np.array(np.meshgrid(*((0, size - 1) for size in shape), indexing="ij")).reshape(len(shape), -1).T.astype(float)
    )
