"""What each wrong region touches, and what it does to the Euler characteristic: on the CPU."""

import numpy as np
from numpy.typing import NDArray

from ramify.compilation import compiled

FALSE_ALARM, MISS = 1, 2


@compiled(nogil=True)
def critical_regions(
    kinds: NDArray[np.uint8],
    regions: NDArray[np.int32],
    background: NDArray[np.int32],
    foreground: NDArray[np.int32],
    count: int,
    tunnels: bool,
) -> NDArray[np.bool_]:
    """Which regions do not touch exactly one piece of correct background and one of the foreground.

    Args:
        kinds: (D, H, W) with a margin of a voxel all around: 1 where the region there is a false alarm, 2 a miss.
        regions: the label of each wrong region, from 1; 0 elsewhere.
        background: the label of each piece of correct background, touched over faces; 0 elsewhere.
        foreground: (2, D, H, W), of each piece of the truth, which false alarms touch over corners too, and of the
            prediction, for misses; 0 elsewhere.
        count: regions.
        tunnels: those too that change the Euler characteristic of what they are added to.

    Returns:
        By label; the first is no region.
    """
    depth, height, width = kinds.shape
    touched = np.zeros((2, count + 1), np.int32)
    critical = np.zeros(count + 1, np.bool_)
    euler = np.zeros(count + 1, np.int64)
    for z in range(1, depth - 1):
        for y in range(1, height - 1):
            for x in range(1, width - 1):
                region = regions[z, y, x]
                if region == 0 or critical[region]:
                    continue
                pieces = foreground[0] if kinds[z, y, x] == FALSE_ALARM else foreground[1]
                for dz in range(-1, 2):
                    for dy in range(-1, 2):
                        for dx in range(-1, 2):
                            piece = pieces[z + dz, y + dy, x + dx]
                            if piece and touched[1, region] != piece:
                                critical[region] |= touched[1, region] != 0
                                touched[1, region] = piece
                            if abs(dz) + abs(dy) + abs(dx) == 1:
                                piece = background[z + dz, y + dy, x + dx]
                                if piece and touched[0, region] != piece:
                                    critical[region] |= touched[0, region] != 0
                                    touched[0, region] = piece
                            if tunnels and _is_new(pieces, regions, region, z, y, x, dz, dy, dx):
                                euler[region] += 1 - 2 * ((abs(dz) + abs(dy) + abs(dx) + 1) & 1)
    for region in range(1, count + 1):
        critical[region] |= touched[0, region] == 0 or touched[1, region] == 0 or euler[region] != 0
    critical[0] = False
    return critical


@compiled(nogil=True)
def _is_new(
    pieces: NDArray[np.int32],
    regions: NDArray[np.int32],
    region: int,
    z: int,
    y: int,
    x: int,
    dz: int,
    dy: int,
    dx: int,
) -> bool:
    """Whether a cell of a closed voxel comes with the region, and this voxel is the first in memory to bring it.

    The cell is what the voxel shares with its neighbour at (dz, dy, dx), all of it for (0, 0, 0).
    """
    for az in range(1 + abs(dz)):
        for ay in range(1 + abs(dy)):
            for ax in range(1 + abs(dx)):
                oz, oy, ox = az * dz, ay * dy, ax * dx
                if pieces[z + oz, y + oy, x + ox]:
                    return False
                before = oz < 0 or (oz == 0 and (oy < 0 or (oy == 0 and ox < 0)))
                if before and regions[z + oz, y + oy, x + ox] == region:
                    return False
    return True
