"""The voxel size that a data set's vessels allow: as it was acquired, or coarser where even the thin ones stay wide."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ramify.planning.fingerprint import Fingerprint, mean_side

COARSER = (1.0, 1.25, 1.5, 2.0, 3.0, 4.0)
"""Times the finest side, the voxel sizes that are compared."""
LEAST_VOXELS, MOST_BELOW = 1.5, 0.01
"""A vessel thinner than so many voxels is gone from the grid at places: so much of the length at most may be."""
RESOLVED_VOXELS, MOST_UNRESOLVED = 3.0, 0.10
"""A vessel thinner than so many voxels is little but wall: so much of the length at most may be."""
ANISOTROPIC = 3.0
"""Slices so many times as thick as a voxel is wide are thick: of several thicknesses one of the finest is taken."""
FINE_QUANTILE = 0.10


class VoxelSize(NamedTuple):
    """A voxel size (z, y, x) in mm, and the shares of the length of vessels thinner than LEAST_VOXELS and
    RESOLVED_VOXELS of its voxels."""

    spacing_mm: tuple[float, ...]
    below: float
    unresolved: float

    @property
    def holds(self) -> bool:
        """Whether thin vessels stay wide enough on it to leave finer voxels."""
        return self.below <= MOST_BELOW and self.unresolved <= MOST_UNRESOLVED


def acquired_mm(fingerprint: Fingerprint) -> tuple[float, ...]:
    """The median spacing; along an axis of thick slices, the tenth percentile of the cases', or the others' where that
    is finer."""
    spacings = fingerprint.spacings_mm
    median = np.median(spacings, axis=0)
    coarse = int(median.argmax())
    others = float(np.delete(median, coarse).max())
    if median[coarse] > ANISOTROPIC * others:
        median[coarse] = max(float(np.quantile(spacings[:, coarse], FINE_QUANTILE)), others)
    return tuple(float(f"{value:.4g}") for value in median)


def voxel_sizes(fingerprint: Fingerprint) -> list[VoxelSize]:
    """The voxel size as acquired, and coarser ones: fine axes first, none coarser than that before the others are."""
    finest = acquired_mm(fingerprint)
    least, found = min(finest), list[VoxelSize]()
    for times in COARSER:
        size = measured(fingerprint, [max(side, times * least) for side in finest])
        if not found or size.spacing_mm != found[-1].spacing_mm:
            found.append(size)
    return found


def measured(fingerprint: Fingerprint, spacing_mm: Sequence[float]) -> VoxelSize:
    """A voxel size with what it costs."""
    side = mean_side(spacing_mm)
    below, unresolved = (fingerprint.share_thinner(voxels * side) for voxels in (LEAST_VOXELS, RESOLVED_VOXELS))
    return VoxelSize(tuple(float(f"{each:.4g}") for each in spacing_mm), below, unresolved)


def choose_voxel_size(sizes: Sequence[VoxelSize]) -> VoxelSize:
    """The coarsest up to which all hold; the first, as acquired, where none does."""
    chosen = sizes[0]
    for size in sizes:
        if not size.holds:
            break
        chosen = size
    return chosen
