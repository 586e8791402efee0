"""Gaussian smoothing of float32 arrays where they are: SciPy's `gaussian_filter`, several times as fast."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ramify.compilation import compiled

_TRUNCATE = 4.0
"""Standard deviations that the kernel reaches, as SciPy's does."""
_COLUMNS = 256
"""Columns that are smoothed at once, so that they stay in the cache along the whole axis."""


def smooth(values: NDArray[np.float32], sigmas: Sequence[float]) -> None:
    """Smooth along every axis; beyond its ends an array is mirrored about the edge of its outermost voxels, so that its
    mean stays.

    Args:
        values: contiguous, any shape.
        sigmas: standard deviations in voxels along each axis; nothing is done where one is below an eighth.
    """
    for axis, sigma in enumerate(sigmas):
        reach = int(_TRUNCATE * sigma + 0.5)
        if not reach:
            continue
        weights = np.exp(-0.5 * (np.arange(reach + 1) / sigma) ** 2)
        weights = (weights / (weights[0] + 2 * weights[1:].sum())).astype(np.float32)
        voxels = values.shape[axis]
        around = np.arange(-reach, voxels + reach) % (2 * voxels)
        source = np.minimum(around, 2 * voxels - 1 - around)
        before = int(np.prod(values.shape[:axis]))
        if axis == values.ndim - 1:
            _along_rows(values.reshape(before, voxels), weights, source)
        else:
            _along_columns(values.reshape(before, voxels, -1), weights, source, _COLUMNS)


@compiled(nogil=True)
def _along_rows(values, weights, source):  # type: ignore[no-untyped-def]
    reach, (rows, voxels) = len(weights) - 1, values.shape
    mirrored = np.empty(len(source), dtype=np.float32)
    for row in range(rows):
        smoothed = values[row]
        for n in range(len(source)):
            mirrored[n] = smoothed[source[n]]
        for n in range(voxels):
            smoothed[n] = weights[0] * mirrored[reach + n]
        for tap in range(1, reach + 1):
            weight, left, right = weights[tap], mirrored[reach - tap :], mirrored[reach + tap :]
            for n in range(voxels):
                smoothed[n] += weight * (left[n] + right[n])


@compiled(nogil=True)
def _along_columns(values, weights, source, columns):  # type: ignore[no-untyped-def]
    reach, (blocks, voxels, width) = len(weights) - 1, values.shape
    kept = np.empty((voxels, columns), dtype=np.float32)
    for block in range(blocks):
        for start in range(0, width, columns):
            some = min(columns, width - start)
            for n in range(voxels):
                kept[n, :some] = values[block, n, start : start + some]
            for n in range(voxels):
                smoothed, middle = values[block, n, start : start + some], kept[n]
                for column in range(some):
                    smoothed[column] = weights[0] * middle[column]
                for tap in range(1, reach + 1):
                    weight, left, right = weights[tap], kept[source[n + reach - tap]], kept[source[n + reach + tap]]
                    for column in range(some):
                        smoothed[column] += weight * (left[column] + right[column])
