"""Which way a volume lies in the patient: its array axes brought to the order and direction of the patient's own.

Files store the same patient in 48 ways: any axis first, each forwards or backwards. A setting such as `size: z y x`
means the patient's axes, so an array is turned to the canonical layout before anything else happens to it: its first
axis runs most nearly towards the head, its second towards the back, its third towards the left (LPS, read z, y, x).
Turning permutes and flips and never interpolates: an oblique scan stays on its own voxels.
"""

import itertools
from collections.abc import Sequence

import numpy as np

from ramify.vessels.orientation import Orientation

CANONICAL, AS_STORED = "LPS", "as stored"
"""Names of the layouts of prepared arrays: 3D in the patient's order, 2D as its file has it."""

# Two layouts are a tie where an axis points halfway between two of the patient's, give or take a header's last digits.
_TIE = 1e-4


def layout_name(ndim: int) -> str:
    """The layout of prepared arrays of that many dimensions."""
    return CANONICAL if ndim == 3 else AS_STORED


def canonical_orientation(direction: Sequence[Sequence[float]]) -> Orientation:
    """How an array whose axes point that way is turned to the canonical layout; 2D stays as it is.

    Each array axis goes to one axis of the patient, so that all three together are turned as little as possible: the
    axes nearest one by one may be the same one twice. Where two layouts are equally near (a scan turned by 45 degrees)
    the choice hangs on the directions alone and not on how they are stored.

    direction: rows are world components (z, y, x), columns the unit vectors of the array axes.
    """
    matrix = np.asarray(direction, dtype=np.float64)
    ndim = len(matrix)
    if ndim != 3:
        return Orientation.as_stored(ndim)
    turned = {axes: _forwards(matrix[:, axes]) for axes in itertools.permutations(range(ndim))}
    nearest = max(np.trace(laid) for laid in turned.values())
    tied = [axes for axes, laid in turned.items() if np.trace(laid) > nearest - _TIE]
    axes = max(tied, key=lambda axes: np.round(turned[axes], 3).ravel().tolist())
    backwards = {axis: bool(matrix[component, axis] < 0) for component, axis in enumerate(axes)}
    return Orientation(axes, tuple(backwards[axis] for axis in range(ndim)))


def _forwards(matrix: np.ndarray) -> np.ndarray:
    """Each column turned so that it points along its own axis and not against it."""
    return matrix * np.where(np.diagonal(matrix) < 0, -1, 1)
