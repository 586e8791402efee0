"""The kernels that lead the ends of a skeleton on to the ends of its vessels."""

import numpy as np

from ramify.compilation import compiled
from ramify.vessels.inscribed_balls import SKELETON, VESSEL, Spacing, depth_squared, step_lengths
from ramify.vessels.thinning_kernel import is_simple


@compiled()
def centre_lone_voxels(volume: np.ndarray, skeleton: np.ndarray, spacing: Spacing, flat: bool) -> None:
    """Move skeleton voxels without a neighbour, of int (N, 3), to where the vessel around them is widest."""
    for i in range(skeleton.shape[0]):
        z, y, x = skeleton[i]
        if _count_around(volume, z, y, x) > 0:
            continue
        depth = depth_squared(volume, z, y, x, spacing, flat)
        moved = True
        while moved:
            moved = False
            best_z, best_y, best_x = z, y, x
            for dz in range(-1, 2):
                for dy in range(-1, 2):
                    for dx in range(-1, 2):
                        if volume[z + dz, y + dy, x + dx] & VESSEL:
                            other = depth_squared(volume, z + dz, y + dy, x + dx, spacing, flat)
                            if other > depth * (1 + 1e-9):
                                depth, moved = other, True
                                best_z, best_y, best_x = z + dz, y + dy, x + dx
            volume[z, y, x] &= ~np.uint8(SKELETON)
            z, y, x = best_z, best_y, best_x
            volume[z, y, x] |= SKELETON
        skeleton[i] = z, y, x


@compiled()
def skeleton_ends(volume: np.ndarray, skeleton: np.ndarray) -> np.ndarray:
    """Those of the skeleton's voxels, int (N, 3), that have one neighbour."""
    ends = np.empty(skeleton.shape[0], dtype=np.int64)
    count = 0
    for i in range(skeleton.shape[0]):
        if _count_around(volume, skeleton[i, 0], skeleton[i, 1], skeleton[i, 2]) == 1:
            ends[count] = i
            count += 1
    return skeleton[ends[:count]]


@compiled()
def lengthen_end(volume: np.ndarray, end: np.ndarray, spacing: Spacing, least: float, flat: bool) -> None:
    """Lead the skeleton on from one of its ends, int (3,), while its ball then reaches farther ahead.

    Ahead is the direction in which the skeleton has come over the length of its ball's radius. Nothing is added where
    all steps together gain less than `least` mm.
    """
    flat_volume, row, plane = volume.reshape(-1), volume.shape[2], volume.shape[1] * volume.shape[2]
    depth = np.sqrt(depth_squared(volume, end[0], end[1], end[2], spacing, flat))
    ahead, steps, tolerance = _direction(volume, end, spacing, depth), step_lengths(spacing), 1e-6 * min(spacing)
    added = np.empty((volume.shape[0] + volume.shape[1] + volume.shape[2], 3), dtype=np.int64)
    count, gained = 0, 0.0
    z, y, x = end[0], end[1], end[2]
    while count < added.shape[0]:
        best, best_depth, best_length, best_step = 0.0, 0.0, 0.0, (0, 0, 0)
        for dz in range(-1, 2):
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    if volume[z + dz, y + dy, x + dx] & (VESSEL | SKELETON) != VESSEL:
                        continue
                    if not is_simple(flat_volume, (z + dz) * plane + (y + dy) * row + x + dx, row, plane):
                        continue
                    other = np.sqrt(depth_squared(volume, z + dz, y + dy, x + dx, spacing, flat))
                    step = dz * spacing[0] * ahead[0] + dy * spacing[1] * ahead[1] + dx * spacing[2] * ahead[2]
                    gain = step + other - depth
                    length = steps[dz + 1, dy + 1, dx + 1]
                    # Of steps that gain alike the shortest: straight on.
                    better = gain > best + tolerance or (gain > best - tolerance and length < best_length)
                    if step > 0 and gain > tolerance and better:
                        best, best_depth, best_length, best_step = gain, other, length, (dz, dy, dx)
        if best == 0.0:
            break
        z, y, x = z + best_step[0], y + best_step[1], x + best_step[2]
        volume[z, y, x] |= SKELETON
        added[count] = z, y, x
        count, gained, depth = count + 1, gained + best, best_depth
    if gained < least * (1 - 1e-6):
        for i in range(count):
            volume[added[i, 0], added[i, 1], added[i, 2]] &= ~np.uint8(SKELETON)


@compiled()
def _direction(volume: np.ndarray, end: np.ndarray, spacing: Spacing, length: float) -> np.ndarray:
    """Unit vector to an end of the skeleton from where its line is `length` mm before, or from its last junction."""
    z, y, x = end[0], end[1], end[2]
    before_z, before_y, before_x = z, y, x
    ahead = np.zeros(3)
    while True:
        next_z, next_y, next_x, neighbours = z, y, x, 0
        for dz in range(-1, 2):
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    other_z, other_y, other_x = z + dz, y + dy, x + dx
                    known = (other_z == z and other_y == y and other_x == x) or (
                        other_z == before_z and other_y == before_y and other_x == before_x
                    )
                    if volume[other_z, other_y, other_x] & SKELETON and not known:
                        next_z, next_y, next_x, neighbours = other_z, other_y, other_x, neighbours + 1
        if neighbours != 1:
            break
        before_z, before_y, before_x = z, y, x
        z, y, x = next_z, next_y, next_x
        ahead[0], ahead[1], ahead[2] = (
            (end[0] - z) * spacing[0],
            (end[1] - y) * spacing[1],
            (end[2] - x) * spacing[2],
        )
        if (ahead**2).sum() >= length**2:
            break
    norm = np.sqrt((ahead**2).sum())
    return ahead / norm if norm > 0 else ahead


@compiled()
def _count_around(volume: np.ndarray, z: int, y: int, x: int) -> int:
    """How many neighbours of a skeleton voxel are in the skeleton."""
    count = -1
    for dz in range(-1, 2):
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                count += volume[z + dz, y + dy, x + dx] & SKELETON
    return count
