"""Masks and label maps out of numbers as files hold them: whole, give or take what scaling leaves behind."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.data.large_arrays import slabs, zeros

WHOLE_TOLERANCE = 1e-3
"""Labels that were stored scaled come back as 2.0000305; this far from a whole number they count as whole."""
_CHUNK = 1 << 20
_SHOWN_LABELS = 8
_PICK_LABELS = "write the one you mean to a file of its own"


def as_mask(array: NDArray[Any], name: str, pick: str | None = None) -> NDArray[np.bool_]:
    """The array as a boolean mask, if it is one: all voxels 0 or one positive whole number. Raises ValueError.

    pick: what to do with a label map, for the message that refuses it.
    """
    if array.dtype == np.bool_:
        return array
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise ValueError(f"{name}: NaN or infinite values where a mask is expected; a mask holds 0 and 1 (or 255)")
        rounded = _rounded(array)
        if rounded is None:
            raise ValueError(
                f"{name}: probabilities where a mask is expected (values from {array.min():.4g} to {array.max():.4g}); "
                "threshold it first"
            )
        array = rounded
    mask = np.empty(array.shape, dtype=bool)
    flat, target = array.reshape(-1), mask.reshape(-1)
    inside = None
    for start in range(0, flat.size, _CHUNK):
        piece = flat[start : start + _CHUNK]
        found = np.not_equal(piece, 0, out=target[start : start + _CHUNK])
        values = piece[found]
        if values.size and inside is None:
            inside = values[0]
        if (values != inside).any():
            labels = _describe_labels(array[array != 0])
            raise ValueError(f"{name}: {labels} where one mask is expected; {pick or _PICK_LABELS}")
    if inside is not None and inside < 0:
        raise ValueError(f"{name}: {inside:g} where a mask is expected; a mask holds 0 and 1 (or 255)")
    return mask


def as_labels(array: NDArray[Any], name: str) -> NDArray[np.int32]:
    """The array as labels, if all its values are whole numbers of 32 bits. Raises ValueError."""
    labels: NDArray[Any] | None = array
    if array.dtype.kind == "f":
        labels = _rounded(array) if np.isfinite(array).all() else None
    if labels is None:
        raise ValueError(f"{name}: expected a label map of whole numbers, got fractions or NaN; threshold it first")
    limits = np.iinfo(np.int32)
    if labels.dtype.itemsize >= 4 and (labels.min() < limits.min or labels.max() > limits.max):
        raise ValueError(
            f"{name}: labels up to {labels.max():g}, more than {limits.max} can be told apart; renumber them"
        )
    found: NDArray[np.int32] = zeros(labels.shape, np.int32)
    for rows in slabs(found):
        found[rows] = labels[rows]
    return found


def _rounded(array: NDArray[Any]) -> NDArray[Any] | None:
    """The whole numbers that an array of reals stands for, or None where one is further off than the tolerance."""
    rounded = np.empty(array.shape, dtype=array.dtype)
    flat, target = array.reshape(-1), rounded.reshape(-1)
    for start in range(0, flat.size, _CHUNK):
        piece = flat[start : start + _CHUNK]
        whole = np.rint(piece)
        if (np.abs(piece - whole) > WHOLE_TOLERANCE).any():
            return None
        target[start : start + _CHUNK] = whole
    return rounded


def _describe_labels(inside: NDArray[Any]) -> str:
    labels = np.unique(inside)
    shown = ", ".join(f"{label:g}" for label in labels[:_SHOWN_LABELS])
    return f"{len(labels)} different labels ({shown}{', ...' if len(labels) > _SHOWN_LABELS else ''})"
