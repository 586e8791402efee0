"""Warping on the CPU: a mask grows and shrinks towards another, simple point by simple point, nearest ones first."""

from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

from ramify.compilation import compiled
from ramify.losses.thinning_kernel import simple_words

_ALIKE, _QUEUED, _LEFT = np.uint8(0), np.uint8(1), np.uint8(2)


@compiled(nogil=True)
def warp(mask: NDArray[np.uint64], goal: NDArray[np.uint64], distances: NDArray[np.float32]) -> None:
    """Flip voxels of `mask` that differ from `goal`, in place, while they are simple; what still differs cannot flip.

    In order of their distance, of equal ones the first in memory. A voxel that could not flip is looked at again when
    one of its 26 neighbours has: so the order of equal distances leaves no simple point behind.

    Args:
        mask: (D, H, W) of 0 and 1 with a margin of 0 all around.
        goal: of the same shape and margin.
        distances: (D, H, W) of each voxel from the boundary of the mask as it is given, whatever the unit.
    """
    depth, height, width = mask.shape
    state = np.zeros(mask.shape, np.uint8)
    queue = [(distances[0, 0, 0], np.int64(0))]
    queue.clear()
    for z in range(1, depth - 1):
        for y in range(1, height - 1):
            for x in range(1, width - 1):
                if mask[z, y, x] != goal[z, y, x]:
                    state[z, y, x] = _QUEUED
                    queue.append((distances[z, y, x], np.int64((z * height + y) * width + x)))
    heapify(queue)
    near = np.empty(27, np.uint64)
    while queue:
        _, voxel = heappop(queue)
        x = voxel % width
        y = voxel // width % height
        z = voxel // width // height
        place = 0
        for dz in range(-1, 2):
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    near[place] = mask[z + dz, y + dy, x + dx]
                    place += 1
        state[z, y, x] = _LEFT
        if not simple_words(near) & np.uint64(1):
            continue
        mask[z, y, x] = goal[z, y, x]
        state[z, y, x] = _ALIKE
        for dz in range(-1, 2):
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    if state[z + dz, y + dy, x + dx] == _LEFT:
                        state[z + dz, y + dy, x + dx] = _QUEUED
                        other = np.int64(((z + dz) * height + y + dy) * width + x + dx)
                        heappush(queue, (distances[z + dz, y + dy, x + dx], other))
