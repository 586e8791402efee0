"""A row of the table of `benchmarks.scale_meaning`, and what its rows share."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ramify.data.files import read_mask
from ramify.vessels.box import foreground_box

Mask = NDArray[np.bool_]
Case = tuple[Mask, tuple[float, ...]]
"""A mask and its voxel size in mm."""


@dataclass(frozen=True)
class Row:
    """Something measured, and what it should be.

    what: the row's first cell.
    aim: what the figure should be; empty where none was set.
    measure: given the folder of real data, the figure in words.
    needs_data: whether it reads that folder.
    """

    what: str
    aim: str
    measure: Callable[[Path], str]
    needs_data: bool = True


def ircadb_masks(data: Path) -> list[Case]:
    """The vessels of cases 1 to 10 of 3D-IRCADb, which are cut to the liver."""
    return [part_with_vessels(data / "ircadb_masks" / f"3Dircadb-{number}_vessel.nii.gz") for number in range(1, 11)]


def liver_trees(data: Path) -> list[Case]:
    """Ten trees of liver vessels that were drawn with care."""
    return [part_with_vessels(path) for path in sorted((data / "liver_trees").glob("case*.nii.gz"))]


def part_with_vessels(path: Path) -> Case:
    """A mask's box with three voxels of room."""
    volume = read_mask(path)
    part = volume.array[foreground_box(volume.array, margin=3)]
    return np.pad(part, 3), volume.spacing_mm


def with_noise(mask: Mask, share: float, seed: int) -> Mask:
    """The mask after a share of the voxels on either side of its wall changed sides."""
    rng = np.random.default_rng(seed)
    inner, outer = mask & ~ndimage.binary_erosion(mask), ndimage.binary_dilation(mask) & ~mask
    changed: Mask = mask ^ ((inner | outer) & (rng.random(mask.shape) < share))
    return changed


def spread(values: Iterable[float], digits: int = 2) -> str:
    """Median, and in brackets the lowest and the highest."""
    given: Sequence[float] = list(values)
    low, middle, high = np.quantile(given, (0, 0.5, 1))
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
