"""Slices: what a stack of thick ones keeps of a finer volume, and how it looks on the fine grid again."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


class Slices(NamedTuple):
    """average: from voxels along z to slices, (m, n). spread: from slices back to voxels, linear, (n, m)."""

    average: Matrix
    spread: Matrix


def slices(count: int, step_mm: float, slice_mm: float, phase: float) -> Slices:
    """Slices over an axis.

    Args:
        count: voxels n of it.
        step_mm: their size.
        slice_mm: thickness and distance of the slices; thinner ones than voxels are averaged to these.
        phase: where the first slice begins before the first voxel, as a share of a slice, in [0, 1).

    Examples:
        >>> from ramify.appearance.slices import slices
        >>> found = slices(4, 1.0, 2.0, 0.0)
        >>> (found.average @ [1.0, 3.0, 5.0, 7.0]).tolist()
        [2.0, 6.0]
    """
    step = slice_mm / step_mm
    if step <= 1:
        return Slices(np.eye(count, dtype=np.float32), np.eye(count, dtype=np.float32))
    starts = np.arange(-phase * step, count, step)
    voxels = np.arange(count)[None, :]
    covered = np.minimum(voxels + 1, starts[:, None] + step) - np.maximum(voxels, starts[:, None])
    average = np.clip(covered, 0, 1)
    kept = average.sum(axis=1) > 1e-6
    starts, average = starts[kept], average[kept]
    # Before the first and behind the last slice's middle, the nearest one holds.
    at = np.clip((voxels[0] + 0.5 - starts[0]) / step - 0.5, 0, len(starts) - 1)
    spread = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(len(starts))[None, :]))
    return Slices((average / average.sum(axis=1, keepdims=True)).astype(np.float32), spread.astype(np.float32))


def along_z(matrix: Matrix, volume: NDArray[np.float32]) -> NDArray[np.float32]:
    """The matrix (m, n) applied to the first axis of a volume (n, y, x)."""
    flat: NDArray[np.float32] = matrix @ volume.reshape(len(volume), -1)
    return flat.reshape(len(matrix), *volume.shape[1:])
