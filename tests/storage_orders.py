"""One patient as 48 files would store it: any axis first, each forwards or backwards."""

import itertools
from collections.abc import Iterator

import numpy as np

from ramify.data.volume import Volume

Order = tuple[tuple[int, ...], tuple[int, ...]]
"""Old axis that comes first, second, …; and for each new axis 1 or -1, whether it runs on as it did."""
ORDERS: list[Order] = list(itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3)))


def stored(volume: Volume, order: Order) -> Volume:
    """The same voxels in the same places, stored in another order and in memory of their own."""
    axes, steps = order
    first = [0 if step == 1 else volume.shape[axis] - 1 for axis, step in zip(axes, steps)]
    corner = np.zeros((1, volume.ndim))
    corner[0, list(axes)] = first
    direction = np.array(volume.direction)[:, axes] * steps
    return Volume(
        np.ascontiguousarray(restored(volume.array, order)),
        tuple(volume.spacing_mm[axis] for axis in axes),
        tuple(volume.world_mm(corner)[0].tolist()),
        tuple(map(tuple, direction.tolist())),
    )


def restored(array: np.ndarray, order: Order) -> np.ndarray:
    """An array in another order, as a view."""
    axes, steps = order
    return array.transpose(axes)[tuple(slice(None, None, step) for step in steps)]


def all_stored(*volumes: Volume) -> Iterator[tuple[Order, list[Volume]]]:
    """Each order, with the volumes stored so."""
    for order in ORDERS:
        yield order, [stored(volume, order) for volume in volumes]
