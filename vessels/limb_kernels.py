"""The kernels that find limbs without a skeleton, and the way from their ends back to it; bits as `inscribed_balls`."""

import heapq

import numpy as np

from ramify.compilation import compiled
from ramify.vessels.inscribed_balls import GATHERED, SKELETON, STOOD_FOR, VESSEL, Spacing, depth_squared, step_lengths
from ramify.vessels.thinning_kernel import is_simple


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
def fill_depths(
    volume: np.ndarray, voxels: np.ndarray, low: np.ndarray, spacing: Spacing, flat: bool, depths: np.ndarray
) -> None:
    """Write the distance to the wall, mm, of some voxels, int (N, 3), into a box of `depths` that begins at `low`."""
    for i in range(voxels.shape[0]):
        z, y, x = voxels[i]
        squared = depth_squared(volume, z, y, x, spacing, flat)
        depths[z - low[0], y - low[1], x - low[2]] = np.sqrt(squared)


@compiled()
def reaches(volume: np.ndarray, piece: np.ndarray, spacing: Spacing) -> np.ndarray:
    """Length of the shortest way in a piece, int (N, 3), from what balls stand for to each voxel, float (N,)."""
    steps = step_lengths(spacing)
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
def find_end(piece: np.ndarray, reach: np.ndarray, depth: np.ndarray, spacing: Spacing) -> int:
    """Which voxel of a limb, int (N, 3), is the end of its centreline.

    The largest ball whose cube holds the farthest voxel, which may be the corner of a flat end; of equal ones the
    nearest to it.

    Args:
        piece: the limb.
        reach: float (N,), how far each voxel is from what balls stand for, mm.
        depth: float (N,), distance of each to the wall, mm.
    """
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
    volume: np.ndarray, end: np.ndarray, low: np.ndarray, depths: np.ndarray, spacing: Spacing, flat: bool
) -> np.ndarray:
    """The cheapest way through the vessel from a voxel, int (3,), to one that touches the skeleton, int (N, 3).

    A step costs its length over the squared distance to the wall where it leads. The way stays in the box of `depths`,
    float, which begins at `low` and holds these distances, mm, 0 where they are not known yet. It touches the skeleton
    at its last voxel alone, which can be joined to it without closing a loop; nothing where there is no such way.
    """
    steps = step_lengths(spacing)
    flat_volume, row, plane = volume.reshape(-1), volume.shape[2], volume.shape[1] * volume.shape[2]
    shape = depths.shape
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
                    in_z, in_y, in_x = z + dz - low[0], y + dy - low[1], x + dx - low[2]
                    inside = 0 <= in_z < shape[0] and 0 <= in_y < shape[1] and 0 <= in_x < shape[2]
                    if not inside or not volume[z + dz, y + dy, x + dx] & VESSEL:
                        continue
                    there = here + (dz * shape[1] + dy) * shape[2] + dx
                    if cost[there] <= so_far:
                        continue
                    if depths[in_z, in_y, in_x] == 0:
                        depths[in_z, in_y, in_x] = np.sqrt(depth_squared(volume, z + dz, y + dy, x + dx, spacing, flat))
                    total = so_far + steps[dz + 1, dy + 1, dx + 1] / depths[in_z, in_y, in_x] ** 2
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
