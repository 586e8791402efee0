"""The largest balls that fit into a vessel around voxels, and what of the vessel they stand for.

A voxel's byte in the working volume, which has background all round:

    SKELETON  it belongs to the skeleton; the bit that `vessels.thinning_kernel` calls FOREGROUND
    VESSEL    it belongs to the mask
    COVERED   it lies in the ball that some skeleton voxel stands for
    BESIDE    it belongs to the mask, lies in no such ball, and touches a voxel that does
    GATHERED  it has been put into a piece of what no ball stands for
    OUTSIDE   it lies outside the volume, where a vessel may go on: no wall
"""

import numpy as np

from ramify.compilation import compiled
from ramify.vessels.thinning_kernel import FOREGROUND

SKELETON, VESSEL, COVERED, BESIDE, GATHERED, OUTSIDE = FOREGROUND, 2, 4, 8, 16, 32
STOOD_FOR = COVERED | BESIDE
NO_WALL = VESSEL | OUTSIDE

Spacing = tuple[float, float, float]


@compiled()
def depth_squared(volume: np.ndarray, z: int, y: int, x: int, spacing: Spacing, flat: bool) -> float:
    """Squared distance from a voxel to the nearest of the wall, mm², by rows, the nearest first; there must be one."""
    best = np.inf
    for dz in range(1 if flat else volume.shape[0]):
        to_plane = (dz * spacing[0]) ** 2
        if to_plane >= best:
            break
        for plane in (z - dz, z + dz):
            if plane < 0 or plane >= volume.shape[0]:
                continue
            for dy in range(volume.shape[1]):
                to_row = to_plane + (dy * spacing[1]) ** 2
                if to_row >= best:
                    break
                for row in (y - dy, y + dy):
                    if row < 0 or row >= volume.shape[1]:
                        continue
                    for dx in range(volume.shape[2]):
                        squared = to_row + (dx * spacing[2]) ** 2
                        if squared >= best:
                            break
                        before, after = max(x - dx, 0), min(x + dx, volume.shape[2] - 1)
                        if not volume[plane, row, before] & NO_WALL or not volume[plane, row, after] & NO_WALL:
                            best = squared
    return best


@compiled()
def cover(volume: np.ndarray, centres: np.ndarray, spacing: Spacing, flat: bool) -> None:
    """Mark as COVERED the largest ball in the vessel around each centre, int (N, 3)."""
    for i in range(centres.shape[0]):
        z, y, x = centres[i, 0], centres[i, 1], centres[i, 2]
        squared = depth_squared(volume, z, y, x, spacing, flat) * (1 - 1e-9)
        planes = 0 if flat else int(np.sqrt(squared) / spacing[0])
        for plane in range(max(z - planes, 0), min(z + planes + 1, volume.shape[0])):
            in_plane = squared - ((plane - z) * spacing[0]) ** 2
            rows = int(np.sqrt(in_plane) / spacing[1])
            for row in range(max(y - rows, 0), min(y + rows + 1, volume.shape[1])):
                half = int(np.sqrt(in_plane - ((row - y) * spacing[1]) ** 2) / spacing[2])
                for column in range(max(x - half, 0), min(x + half + 1, volume.shape[2])):
                    volume[plane, row, column] |= COVERED


@compiled()
def allow_for_walls(volume: np.ndarray, voxels: np.ndarray) -> None:
    """Mark as BESIDE those of some voxels of the vessel, int (N, 3), that touch one that is COVERED."""
    for i in range(voxels.shape[0]):
        z, y, x = voxels[i]
        if volume[z, y, x] & STOOD_FOR:
            continue
        around = 0
        for dz in range(-1, 2):
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    around |= volume[z + dz, y + dy, x + dx]
        if around & COVERED:
            volume[z, y, x] |= BESIDE


@compiled()
def step_lengths(spacing: Spacing) -> np.ndarray:
    """Length of the step to each of the 27 neighbours, float (3, 3, 3), mm."""
    lengths = np.empty((3, 3, 3))
    for dz in range(3):
        for dy in range(3):
            for dx in range(3):
                squared = ((dz - 1) * spacing[0]) ** 2 + ((dy - 1) * spacing[1]) ** 2 + ((dx - 1) * spacing[2]) ** 2
                lengths[dz, dy, dx] = np.sqrt(squared)
    return lengths
