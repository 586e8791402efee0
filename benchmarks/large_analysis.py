"""Time and memory that ramify.analysis takes for a large mask: a vessel mask, side by side until it fills a volume.

    python -m benchmarks.large_analysis --mask case0026.nii.gz --size 500 1024 1024

Prints how many branches were found, the seconds of the analysis and of its tables and summary, and the most memory that
the process had.
"""

import itertools
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from ramify.analysis import analyse
from ramify.command_line import parse, run
from ramify.data.files import read_mask
from ramify.vessels.box import foreground_box

_APART = 2


class LargeAnalysisCommand(BaseModel, frozen=True, extra="forbid"):
    """Which mask, and how large it becomes."""

    mask: Path
    """A vessel mask."""
    size: tuple[int, ...] = (500, 1024, 1024)
    """Voxels of the volume along each axis (z y x)."""


def main(argv: Sequence[str] | None = None) -> None:
    command = parse(LargeAnalysisCommand, __doc__, argv)
    volume = read_mask(command.mask)
    large = side_by_side(volume.array[foreground_box(volume.array)], command.size)
    # Compiled code is read from the disk before time is taken.
    tiny = np.zeros((9,) * volume.ndim, dtype=bool)
    tiny[(4,) * (volume.ndim - 1)] = True
    _ = analyse(tiny, volume.spacing_mm).summary
    began = time.perf_counter()
    tree = analyse(large, volume.spacing_mm)
    analysed = time.perf_counter()
    branches = tree.summary["branches"]
    ended = time.perf_counter()
    unit = 1e9 if sys.platform == "darwin" else 1e6
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    shape = " x ".join(map(str, large.shape))
    print(f"{shape} voxels, {branches} branches: analysis {analysed - began:.0f} s, tables {ended - analysed:.0f} s")
    print(f"most memory: {memory:.1f} GB, {large.nbytes / 1e9:.1f} GB of which is the mask")


def side_by_side(mask: NDArray[np.bool_], size: Sequence[int]) -> NDArray[np.bool_]:
    """As many copies of a mask as fit into a volume, two voxels apart; raises ValueError where none does."""
    steps = [length + _APART for length in mask.shape]
    if len(size) != mask.ndim or any(length > room for length, room in zip(mask.shape, size)):
        raise ValueError(f"--size {' '.join(map(str, size))}: has no room for a mask of shape {mask.shape}")
    large = np.zeros(tuple(size), dtype=bool)
    starts = [range(0, room - length + 1, step) for room, length, step in zip(size, mask.shape, steps)]
    for corner in itertools.product(*starts):
        large[tuple(slice(start, start + length) for start, length in zip(corner, mask.shape))] = mask
    return large


if __name__ == "__main__":
    run(main)
