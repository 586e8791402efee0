"""The kernels that find limbs without a skeleton, and the way from their ends back to it.

A voxel's byte in the working volume, which has background all round:

    SKELETON  it belongs to the skeleton; the bit that `vessels.thinning_kernel` calls FOREGROUND
    VESSEL    it belongs to the mask
    COVERED   it lies in the ball that some skeleton voxel stands for
    BESIDE    it belongs to the mask, lies in no such ball, and touches a voxel that does
    GATHERED  it has been put into a piece
    OUTSIDE   it lies outside the volume, where a vessel may go on: no wall
"""

import heapq

import numpy as np

from ramify.compilation import compiled
from ramify.vessels.thinning_kernel import FOREGROUND, is_simple

SKELETON, VESSEL, COVERED, BESIDE, GATHERED, OUTSIDE = FOREGROUND, 2, 4, 8, 16, 32
STOOD_FOR = COVERED | BESIDE
NO_WALL = VESSEL | OUTSIDE

Spacing = tuple[float, float, float]


@compiled()
def _depth_squared(volume: np.ndarray, z: int, y: int, x: int, spacing: Spacing, flat: bool) -> float:
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
def cover(volume: np.ndarray, centres: np.ndarray, spacing: Spacing, flat: bool) -> float:
    """Mark as COVERED the largest ball in the vessel around each centre, int (N, 3); the largest radius, mm."""
    largest = 0.0
    for i in range(centres.shape[0]):
        z, y, x = centres[i, 0], centres[i, 1], centres[i, 2]
        squared = _depth_squared(volume, z, y, x, spacing, flat) * (1 - 1e-9)
        largest = max(largest, np.sqrt(squared))
        planes = 0 if flat else int(np.sqrt(squared) / spacing[0])
        for plane in range(max(z - planes, 0), min(z + planes + 1, volume.shape[0])):
            in_plane = squared - ((plane - z) * spacing[0]) ** 2
            rows = int(np.sqrt(in_plane) / spacing[1])
            for row in range(max(y - rows, 0), min(y + rows + 1, volume.shape[1])):
                half = int(np.sqrt(in_plane - ((row - y) * spacing[1]) ** 2) / spacing[2])
                for column in range(max(x - half, 0), min(x + half + 1, volume.shape[2])):
                    volume[plane, row, column] |= COVERED
    return largest


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
def gather_pieces(volume: np.ndarray, voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Those of the `voxels`, int (N, 3), that no ball stands for, by 26-connected pieces; and where each piece starts.

    The voxels are of the vessel, and are all of the piece that any of them is in.
    """
    for i in range(voxels.shape[0]):
        volume[voxels[i, 0], voxels[i, 1], voxels[i, 2]] &= ~np.uint8(GATHERED)
    gathered = np.empty_like(voxels)
    starts = np.zeros(voxels.shape[0] + 1, dtype=np.int64)
    count = n_pieces = 0
    for i in range(voxels.shape[0]):
        if volume[voxels[i, 0], voxels[i, 1], voxels[i, 2]] & (STOOD_FOR | GATHERED):
            continue
        volume[voxels[i, 0], voxels[i, 1], voxels[i, 2]] |= GATHERED
        gathered[count] = voxels[i]
        done = count
        count += 1
        while done < count:
            z, y, x = gathered[done]
            done += 1
            for other_z in range(z - 1, z + 2):
                for other_y in range(y - 1, y + 2):
                    for other_x in range(x - 1, x + 2):
                        if volume[other_z, other_y, other_x] & (VESSEL | STOOD_FOR | GATHERED) == VESSEL:
                            volume[other_z, other_y, other_x] |= GATHERED
                            gathered[count] = other_z, other_y, other_x
                            count += 1
        n_pieces += 1
        starts[n_pieces] = count
    return gathered[:count], starts[: n_pieces + 1]


@compiled()
def _step_lengths(spacing: Spacing) -> np.ndarray:
    """Length of the step to each of the 27 neighbours, float (3, 3, 3), mm."""
    lengths = np.empty((3, 3, 3))
    for dz in range(3):
        for dy in range(3):
            for dx in range(3):
                squared = ((dz - 1) * spacing[0]) ** 2 + ((dy - 1) * spacing[1]) ** 2 + ((dx - 1) * spacing[2]) ** 2
                lengths[dz, dy, dx] = np.sqrt(squared)
    return lengths


@compiled()
def _reach(volume: np.ndarray, piece: np.ndarray, spacing: Spacing) -> np.ndarray:
    """Length of the shortest way in a piece, int (N, 3), from what balls stand for to each voxel, float (N,)."""
    steps = _step_lengths(spacing)
    low = np.array([piece[:, axis].min() - 1 for axis in range(3)])
    number = np.full(
        (piece[:, 0].max() - low[0] + 2, piece[:, 1].max() - low[1] + 2, piece[:, 2].max() - low[2] + 2), -1
    )
    for i in range(piece.shape[0]):
        number[piece[i, 0] - low[0], piece[i, 1] - low[1], piece[i, 2] - low[2]] = i

    reach = np.full(piece.shape[0], np.inf)
    heap = [(0.0, 0)]
    heap.pop()
    for i in range(piece.shape[0]):
        for dz in range(3):
            for dy in range(3):
                for dx in range(3):
                    other = volume[piece[i, 0] + dz - 1, piece[i, 1] + dy - 1, piece[i, 2] + dx - 1]
                    if other & VESSEL and other & STOOD_FOR:
                        reach[i] = min(reach[i], steps[dz, dy, dx])
        if reach[i] < np.inf:
            heapq.heappush(heap, (reach[i], i))
    while heap:
        length, i = heapq.heappop(heap)
        if length > reach[i]:
            continue
        home_z, home_y, home_x = piece[i, 0] - low[0] - 1, piece[i, 1] - low[1] - 1, piece[i, 2] - low[2] - 1
        for dz in range(3):
            for dy in range(3):
                for dx in range(3):
                    other = number[home_z + dz, home_y + dy, home_x + dx]
                    if other >= 0 and length + steps[dz, dy, dx] < reach[other]:
                        reach[other] = length + steps[dz, dy, dx]
                        heapq.heappush(heap, (reach[other], other))
    return reach


@compiled()
def find_end(volume: np.ndarray, piece: np.ndarray, spacing: Spacing, least_reach: float, flat: bool) -> int:
    """Which voxel of a piece, int (N, 3), is the end of a limb's centreline; -1 where it reaches too little to be one.

    A limb reaches farther out of what balls stand for than `least_reach`, mm, and than it is thick.
    """
    reach = _reach(volume, piece, spacing)
    if reach.max() <= least_reach:
        return -1
    depth = np.empty(piece.shape[0])
    for i in range(piece.shape[0]):
        depth[i] = np.sqrt(_depth_squared(volume, piece[i, 0], piece[i, 1], piece[i, 2], spacing, flat))
    if reach.max() <= 2 * depth.max():
        return -1

    # The largest ball whose cube holds the farthest voxel, which may be the corner of a flat end; of equal ones the
    # nearest to it.
    farthest, end = int(np.argmax(reach)), -1
    nearest = np.inf
    for i in range(piece.shape[0]):
        squared = 0.0
        for axis in range(3):
            squared += ((piece[i, axis] - piece[farthest, axis]) * spacing[axis]) ** 2
        if squared > 3 * depth[i] ** 2:
            continue
        larger = end < 0 or depth[i] > depth[end] * (1 + 1e-9)
        if larger or (depth[i] >= depth[end] * (1 - 1e-9) and squared < nearest):
            end, nearest = i, squared
    return end


@compiled()
def route_to_skeleton(
    volume: np.ndarray, end: np.ndarray, low: np.ndarray, high: np.ndarray, spacing: Spacing, flat: bool
) -> np.ndarray:
    """The cheapest way through the vessel from a voxel, int (3,), to one that touches the skeleton, int (N, 3).

    A step costs its length over the squared distance to the wall where it leads. The way stays in the box from `low` to
    `high`, and touches the skeleton at its last voxel alone, which can be joined to it without closing a loop; nothing
    where there is no such way.
    """
    steps = _step_lengths(spacing)
    flat_volume, row, plane = volume.reshape(-1), volume.shape[2], volume.shape[1] * volume.shape[2]
    shape = (high[0] - low[0], high[1] - low[1], high[2] - low[2])
    cost = np.full(shape[0] * shape[1] * shape[2], np.inf)
    came_from = np.full(cost.size, -1)
    start = ((end[0] - low[0]) * shape[1] + end[1] - low[1]) * shape[2] + end[2] - low[2]
    cost[start] = 0.0
    heap = [(0.0, start)]
    last = -1
    while heap:
        so_far, here = heapq.heappop(heap)
        if so_far > cost[here]:
            continue
        z, y, x = here // (shape[1] * shape[2]) + low[0], here // shape[2] % shape[1] + low[1], here % shape[2] + low[2]
        voxel = z * plane + y * row + x
        if _touches_skeleton(flat_volume, voxel, row, plane):
            if not is_simple(flat_volume, voxel, row, plane):
                continue
            last = here
            break
        for dz in range(-1, 2):
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    inside = low[0] <= z + dz < high[0] and low[1] <= y + dy < high[1] and low[2] <= x + dx < high[2]
                    if not inside or not volume[z + dz, y + dy, x + dx] & VESSEL:
                        continue
                    there = here + (dz * shape[1] + dy) * shape[2] + dx
                    if cost[there] <= so_far:
                        continue
                    squared = _depth_squared(volume, z + dz, y + dy, x + dx, spacing, flat)
                    total = so_far + steps[dz + 1, dy + 1, dx + 1] / squared
                    if total < cost[there]:
                        cost[there], came_from[there] = total, here
                        heapq.heappush(heap, (total, there))

    count, here = 0, last
    while here >= 0:
        count, here = count + 1, came_from[here]
    path = np.empty((count, 3), dtype=np.int64)
    here = last
    for i in range(count - 1, -1, -1):
        path[i, 0] = here // (shape[1] * shape[2]) + low[0]
        path[i, 1] = here // shape[2] % shape[1] + low[1]
        path[i, 2] = here % shape[2] + low[2]
        here = came_from[here]
    return path


@compiled()
def _touches_skeleton(volume: np.ndarray, voxel: int, row: int, plane: int) -> bool:
    touched = 0
    for dz in range(-1, 2):
        for dy in range(-1, 2):
            start = voxel + dz * plane + dy * row
            touched |= volume[start - 1] | volume[start] | volume[start + 1]
    return touched & SKELETON != 0


@compiled()
def extend(volume: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Add a path, int (N, 3), to the skeleton that its last voxel touches; returns what was added.

    Each voxel is simple when its turn comes: the topology stays. The first that is not ends it.
    """
    flat_volume, row, plane = volume.reshape(-1), volume.shape[2], volume.shape[1] * volume.shape[2]
    for i in range(path.shape[0] - 1, -1, -1):
        voxel = path[i, 0] * plane + path[i, 1] * row + path[i, 2]
        if not is_simple(flat_volume, voxel, row, plane):
            return path[i + 1 :]
        flat_volume[voxel] |= SKELETON
    return path


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
def lengthen_end(volume: np.ndarray, end: np.ndarray, spacing: Spacing, least: float, flat: bool) -> int:
    """Lead the skeleton on from one of its ends, int (3,), while its ball then reaches farther ahead.

    Ahead is the direction in which the skeleton has come over the length of its ball's radius. Nothing is added where
    all steps together gain less than `least` mm. Returns the number of voxels added.
    """
    flat_volume, row, plane = volume.reshape(-1), volume.shape[2], volume.shape[1] * volume.shape[2]
    depth = np.sqrt(_depth_squared(volume, end[0], end[1], end[2], spacing, flat))
    ahead, steps, tolerance = _direction(volume, end, spacing, depth), _step_lengths(spacing), 1e-6 * min(spacing)
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
                    other = np.sqrt(_depth_squared(volume, z + dz, y + dy, x + dx, spacing, flat))
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
    if gained >= least * (1 - 1e-6):
        return count
    for i in range(count):
        volume[added[i, 0], added[i, 1], added[i, 2]] &= ~np.uint8(SKELETON)
    return 0


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
def centre_lone_voxels(volume: np.ndarray, skeleton: np.ndarray, spacing: Spacing, flat: bool) -> None:
    """Move skeleton voxels without a neighbour, of int (N, 3), to where the vessel around them is widest."""
    for i in range(skeleton.shape[0]):
        z, y, x = skeleton[i]
        if _count_around(volume, z, y, x) > 0:
            continue
        depth = _depth_squared(volume, z, y, x, spacing, flat)
        moved = True
        while moved:
            moved = False
            best_z, best_y, best_x = z, y, x
            for dz in range(-1, 2):
                for dy in range(-1, 2):
                    for dx in range(-1, 2):
                        if volume[z + dz, y + dy, x + dx] & VESSEL:
                            other = _depth_squared(volume, z + dz, y + dy, x + dx, spacing, flat)
                            if other > depth * (1 + 1e-9):
                                depth, moved = other, True
                                best_z, best_y, best_x = z + dz, y + dy, x + dx
            volume[z, y, x] &= ~np.uint8(SKELETON)
            z, y, x = best_z, best_y, best_x
            volume[z, y, x] |= SKELETON
        skeleton[i] = z, y, x


@compiled()
def _count_around(volume: np.ndarray, z: int, y: int, x: int) -> int:
    """How many neighbours of a skeleton voxel are in the skeleton."""
    count = -1
    for dz in range(-1, 2):
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                count += volume[z + dz, y + dy, x + dx] & SKELETON
    return count
