"""Time and memory that ramify.analysis takes for a large mask: a vessel mask, side by side until it fills a volume.

    python -m benchmarks.large_analysis --mask case0026.nii.gz --size 500 1024 1024

Prints how many branches were found; of the analysis, its tables and its files the seconds by the clock and on the
processor, which on a shared machine are fewer; and the most memory that the process had by then.
"""

import itertools
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from ramify.analysis import analyse
from ramify.analysis.settings import AnalysisForm
from ramify.analysis.tree_files import write_tree
from ramify.command_line import parse, run
from ramify.data.files import read_mask
from ramify.data.volume import Volume
from ramify.processes.memory import peak_bytes
from ramify.vessels.box import foreground_box

_APART = 2
Found = TypeVar("Found")


class LargeAnalysisCommand(BaseModel, frozen=True, extra="forbid"):
    """Which mask, and how large it becomes."""

    mask: Path
    """A vessel mask."""
    size: tuple[int, ...] = (500, 1024, 1024)
    """Voxels of the volume along each axis (z y x)."""
    forms: tuple[AnalysisForm, ...] = ("maps", "vtp", "json")
    """Which files are written."""


def main(argv: Sequence[str] | None = None) -> None:
    command = parse(LargeAnalysisCommand, __doc__, argv)
    volume = read_mask(command.mask)
    large = side_by_side(volume.array[foreground_box(volume.array)], command.size)
    shape = " x ".join(map(str, large.shape))
    print(f"{shape} voxels, {np.count_nonzero(large)} of vessels; the mask alone has {large.nbytes / 1e9:.1f} GB")
    # The mask itself, once: all that is compiled is so before time is taken.
    _ = analyse(volume.array, volume.spacing_mm).summary
    place = Volume(large, volume.spacing_mm)
    tree = timed("analysis", lambda: analyse(large, volume.spacing_mm, place=place))
    summary = timed("tables", lambda: tree.summary)
    with tempfile.TemporaryDirectory() as folder:
        timed("files", lambda: write_tree(Path(folder), tree, command.forms))
    print(f"{summary['branches']} branches in {summary['trees']} trees")


def timed(name: str, do: Callable[[], Found]) -> Found:
    """What something gives, once its seconds and the most memory of the process are told."""
    clock, processor = time.perf_counter(), time.process_time()
    found = do()
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    memory = (peak_bytes() or 0) / 1e9
    print(f"{name}: {clock:.0f} s, {processor:.0f} s on the processor, most memory {memory:.1f} GB", flush=True)
    return found


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
