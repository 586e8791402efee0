"""Masks of several fields of view on one grid that holds them all: the truth's lattice, extended by whole voxels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ramify.data.lattice import Box, copy_onto, foreground_box, place_on_lattice, share_outside
from ramify.data.resample import resample_like
from ramify.data.volume import Volume

MOST_VOXELS = 2**31
"""No grid is extended beyond this: two files of one patient do not lie so far apart."""


class UnionGrid(NamedTuple):
    """Volumes by name on one grid, and what must be known of how they came there, a line each."""

    volumes: dict[str, Volume]
    notes: tuple[str, ...]


def on_union_grid(volumes: Mapping[str, Volume], reference: str, names: Mapping[str, str]) -> UnionGrid:
    """Masks or label maps on the lattice of one of them, which is not resampled; what no file covers is background.

    The grid is that of `volumes[reference]`, extended by whole voxels to hold all of every volume on its lattice (those
    are copied) and the foreground of every other (those are resampled, nearest neighbour).

    Args:
        volumes: boolean or integer masks of one patient, by role; all 2D or all 3D.
        reference: whose lattice it is.
        names: what to call each in errors and notes.

    Raises:
        ValueError: two of them share no voxel of their fields of view, or lie too far apart for one grid.
    """
    base = volumes[reference]
    places = {role: place_on_lattice(volume, base) for role, volume in volumes.items()}
    boxes: list[Box] = [tuple((0, length) for length in base.shape)]
    notes: list[str] = []
    for role, volume in volumes.items():
        place = places[role]
        box = foreground_box(volume, base) if place is None else place.box(volume.shape)
        if box is not None:
            boxes.append(box)
        if place is None or box != boxes[0]:
            notes += _compare_fields(volume, base, names[role], names[reference])
    start = tuple(min(box[axis][0] for box in boxes) for axis in range(base.ndim))
    stop = tuple(max(box[axis][1] for box in boxes) for axis in range(base.ndim))
    shape = tuple(last - first for first, last in zip(start, stop, strict=True))
    if math.prod(shape) > MOST_VOXELS:
        raise ValueError(
            f"{names[reference]}: a grid that holds the other masks too would have {' x '.join(map(str, shape))} "
            "voxels; correct the origin in the header of the one that lies elsewhere"
        )
    origin = tuple(base.world_mm([start])[0].tolist())
    # No memory: the grid is asked for its place alone.
    grid = Volume(np.broadcast_to(np.uint8(0), shape), base.spacing_mm, origin, base.direction)
    return UnionGrid({role: _onto(volume, grid) for role, volume in volumes.items()}, tuple(notes))


def _onto(volume: Volume, grid: Volume) -> Volume:
    place = place_on_lattice(volume, grid)
    if place is None:
        return resample_like(volume, grid, "nearest")
    if place.is_same(volume.shape, grid.shape):
        return replace(grid, array=volume.array, notes=volume.notes)
    return replace(grid, array=copy_onto(volume, grid, place), notes=volume.notes)


def _compare_fields(volume: Volume, base: Volume, name: str, base_name: str) -> list[str]:
    """What of either mask lies outside of the other's field of view; ValueError where all of both does."""
    lost, unseen = share_outside(volume, base), share_outside(base, volume)
    nowhere = lost == 1 or not volume.array.any(), unseen == 1 or not base.array.any()
    if all(nowhere) and (lost or unseen):
        raise ValueError(
            f"{name}: does not meet {base_name} anywhere; {name} has {volume.describe_geometry()}; {base_name} has "
            f"{base.describe_geometry()}; correct the origin in its header"
        )
    notes = []
    if lost:
        notes.append(
            f"{lost:.1%} of {name} lies outside of the field of view of {base_name}, where that counts as empty"
        )
    if unseen:
        notes.append(
            f"{unseen:.1%} of {base_name} lies outside of the field of view of {name}, where that counts as empty"
        )
    return notes
