"""Linear interpolation from one grid to another whose edges agree with it, of values and of labels."""

import itertools
from collections.abc import Sequence

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from ramify.data.large_arrays import slabs, zeros

FloatArray = NDArray[np.float64]


def resample(
    array: np.ndarray, shape: Sequence[int], average: bool = False, out: np.ndarray | None = None
) -> np.ndarray:
    """An array stretched to another shape by linear interpolation, edges aligned, as float32 (*shape).

    Args:
        array: (*S), numbers or booleans.
        shape: the wanted shape, as many axes.
        average: along axes that shrink, the mean over the new voxel's area instead of the value at its centre.
        out: where the result goes, float32 (*shape); otherwise it is a new array, in a file where it is large
            (`data.large_arrays`).

    An axis that keeps its length is left untouched to the last bit.

    Examples:
        >>> import numpy as np
        >>> from ramify.preprocessing import resample
        >>> resample(np.array([[0.0, 4.0]]), (1, 4)).tolist()
        [[0.0, 1.0, 3.0, 4.0]]
        >>> resample(np.array([[0.0, 2.0, 4.0, 6.0]]), (1, 2), average=True).tolist()
        [[1.0, 5.0]]
    """
    places = [centres(old, new) if old != new else None for old, new in zip(array.shape, shape, strict=True)]
    return interpolate(array, places, average, out)


def centres(old: int, new: int, before: int = 0, after: int = 0) -> FloatArray:
    """Where the centres of an axis' new voxels lie, counted in its old ones; edges aligned.

    before, after: further voxels of the new size in front of the axis and behind it.
    """
    return (np.arange(-before, new + after, dtype=np.float64) + 0.5) * (old / new) - 0.5


def interpolate(
    array: np.ndarray, places: Sequence[FloatArray | None], average: bool = False, out: np.ndarray | None = None
) -> np.ndarray:
    """The values of an array (*S) at other places, linear, in new memory as float32; slab by slab.

    Args:
        array: numbers or booleans.
        places: for each axis evenly spaced indices, which may be fractional, from -0.5 to half a voxel beyond the last
            one; None leaves the axis untouched to the last bit.
        average: along axes that shrink, the mean over the new voxel's area.
        out: where the result goes, as for `resample`.
    """
    lengths = [old if at is None else len(at) for old, at in zip(array.shape, places, strict=True)]
    result = zeros(lengths, np.float32) if out is None else out
    weights = [None if at is None else _weights(old, at, average) for old, at in zip(array.shape, places, strict=True)]
    # The axis that shrinks most comes first, so that the others have less to do.
    axes = sorted(range(array.ndim), key=lambda axis: lengths[axis] / array.shape[axis])
    taken = np.dtype(np.float32).itemsize * array.size / lengths[0]
    for rows in slabs(result, array, row_bytes=taken):
        needed, own = rows, weights
        if weights[0] is not None:
            of_rows = weights[0][rows]
            needed = slice(int(of_rows.indices.min()), int(of_rows.indices.max()) + 1)
            own = [of_rows[:, needed], *weights[1:]]
        result[rows] = _stretched(np.asarray(array[needed], dtype=np.float32), own, axes)
    return result


def _stretched(values: np.ndarray, weights: Sequence[scipy.sparse.csr_array | None], axes: Sequence[int]) -> np.ndarray:
    """Values (*S) interpolated along some axes, in that order."""
    for axis in axes:
        own = weights[axis]
        if own is None:
            continue
        # A sparse product sums in a fixed order: the same bytes whatever the number of threads, and in slabs.
        front = np.ascontiguousarray(np.moveaxis(values, axis, 0))
        stretched = (own @ front.reshape(front.shape[0], -1)).reshape(own.shape[0], *front.shape[1:])
        values = np.moveaxis(stretched, 0, axis)
    return values


def _weights(old: int, places: FloatArray, average: bool) -> scipy.sparse.csr_array:
    """Interpolation weights (places, old) of one axis in float32; each row sums to 1."""
    factor = old / len(places)
    centre, index = places[:, None], np.arange(old)[None, :]
    if average and factor > 1:
        upper = np.minimum(index + 0.5, centre + factor / 2)
        weights = np.maximum(0, upper - np.maximum(index - 0.5, centre - factor / 2))
    else:
        weights = np.maximum(0, 1 - np.abs(index - centre))
    # Divided by their sum, so that the outermost half voxel, which has one neighbour only, takes its value.
    return scipy.sparse.csr_array((weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))


def interpolate_labels(labels: np.ndarray, places: Sequence[FloatArray], inside: NDArray[np.bool_]) -> np.ndarray:
    """Labels at other places: of the voxels that linear interpolation would take, the label with the greatest weight.

    Args:
        labels: integers (*S), 0 background, and so is all around it.
        places: for each axis indices, which may be fractional.
        inside: bool (*T), T the numbers of places: where a label is wanted.

    Returns:
        (*T) of the labels' type, 0 where none is wanted, or none of these voxels has a label. Of equal weights the
        voxel that comes first in C order has its way.

    Examples:
        >>> import numpy as np
        >>> from ramify.preprocessing.interpolation import interpolate_labels
        >>> labels, wanted = np.array([[7, 0, 9]]), np.ones((1, 4), bool)
        >>> interpolate_labels(labels, [np.zeros(1), np.array([0.0, 0.9, 1.4, 9.0])], wanted).tolist()
        [[7, 7, 9, 0]]
    """
    result = np.zeros(inside.shape, dtype=labels.dtype)
    # Slice by slice, so that the positions of a large mask are never all in memory.
    for number, wanted in enumerate(inside):
        along = np.nonzero(wanted)
        index = (np.full(len(along[0]), number), *along)
        result[number][along] = _heaviest(labels, np.stack([at[one] for at, one in zip(places, index, strict=True)]))
    return result


def _heaviest(labels: np.ndarray, places: FloatArray) -> np.ndarray:
    """Of the voxels around each of some places, float (ndim, N), the label with the greatest weight, (N,)."""
    low = np.floor(places).astype(np.int64)
    share, last = places - low, np.array(labels.shape)[:, None] - 1
    best, most = np.zeros(places.shape[1], dtype=labels.dtype), np.zeros(places.shape[1])
    for corner in itertools.product((0, 1), repeat=labels.ndim):
        step = np.array(corner)[:, None]
        index, weight = low + step, np.where(step, share, 1 - share).prod(axis=0)
        label = labels[tuple(np.clip(index, 0, last))]
        better = (weight > most) & (label > 0) & ((index >= 0) & (index <= last)).all(axis=0)
        best[better], most[better] = label[better], weight[better]
    return best
