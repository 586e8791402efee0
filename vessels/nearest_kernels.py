"""Kernels that find the nearest of many lattice points, by squared distances of integer offsets alone.

The points are sorted along a Morton curve; a binary tree over that order holds the bounding box of every run of points.
Node 0 is the root, node i has the children 2i+1 and 2i+2, and a leaf covers LEAF consecutive points.

All coordinates are integers (N, 3) in array axis order. A squared distance is always computed as
(|dz| sz)² + (|dy| sy)² + (|dx| sx)², so it is the same number wherever in the volume the two voxels lie.
"""

import math

import numpy as np

from ramify.compilation import compiled

LEAF = 8
# Voxels are served in blocks of 5 x 5 x 5: what is near to one of them is near to all.
REACH = 2
# Squared distances this close (relative) are the same lattice distance seen through rounded spacings: 1e-9 in length.
TIE = 2e-9
NO_RANK = 2**62


@compiled()
def morton_codes(points: np.ndarray) -> np.ndarray:
    """Interleave the bits of three coordinates of at most 20 bits, so that near points get near codes."""
    codes = np.zeros(points.shape[0], dtype=np.int64)
    for i in range(points.shape[0]):
        code = 0
        for axis in range(3):
            spread = int(points[i, axis])
            spread = (spread | (spread << 32)) & 0x1F00000000FFFF
            spread = (spread | (spread << 16)) & 0x1F0000FF0000FF
            spread = (spread | (spread << 8)) & 0x100F00F00F00F00F
            spread = (spread | (spread << 4)) & 0x10C30C30C30C30C3
            spread = (spread | (spread << 2)) & 0x1249249249249249
            code |= spread << (2 - axis)
        codes[i] = code
    return codes


@compiled()
def n_nodes(n_points: int) -> int:
    """How many nodes the tree over so many points has."""
    n_leaves = 1
    while n_leaves * LEAF < n_points:
        n_leaves *= 2
    return 2 * n_leaves - 1


@compiled()
def fill_boxes(points: np.ndarray, boxes: np.ndarray) -> None:
    """Bounding boxes (n_nodes, 6) of the tree over points in their final order: lowest z, y, x, then highest."""
    n_leaves = boxes.shape[0] // 2 + 1
    boxes[:, :3] = 2**30
    boxes[:, 3:] = -(2**30)
    for i in range(points.shape[0]):
        node = n_leaves - 1 + i // LEAF
        for axis in range(3):
            boxes[node, axis] = min(boxes[node, axis], points[i, axis])
            boxes[node, axis + 3] = max(boxes[node, axis + 3], points[i, axis])
    for node in range(n_leaves - 2, -1, -1):
        for axis in range(3):
            boxes[node, axis] = min(boxes[2 * node + 1, axis], boxes[2 * node + 2, axis])
            boxes[node, axis + 3] = max(boxes[2 * node + 1, axis + 3], boxes[2 * node + 2, axis + 3])


@compiled()
def squared_length(dz: int, dy: int, dx: int, spacing: tuple[float, float, float]) -> float:
    z, y, x = abs(dz) * spacing[0], abs(dy) * spacing[1], abs(dx) * spacing[2]
    return z * z + y * y + x * x


@compiled()
def squared_to_box(boxes: np.ndarray, node: int, z: int, y: int, x: int, spacing: tuple[float, float, float]) -> float:
    """Squared distance from a voxel to the nearest corner, edge or face of a node's box; 0 inside."""
    dz = max(boxes[node, 0] - z, z - boxes[node, 3], 0)
    dy = max(boxes[node, 1] - y, y - boxes[node, 4], 0)
    dx = max(boxes[node, 2] - x, x - boxes[node, 5], 0)
    squared: float = squared_length(dz, dy, dx, spacing)
    return squared


@compiled()
def nearest_point(
    points: np.ndarray,
    boxes: np.ndarray,
    voxel: tuple[int, int, int],
    spacing: tuple[float, float, float],
    guess: int,
    enough: float = 0.0,
) -> tuple[int, float]:
    """A nearest point and its squared distance; the better the guess, the less of the tree is looked at.

    The first point found within the squared distance `enough` is as good as the nearest.
    """
    z, y, x = voxel
    best = guess
    best_squared = squared_length(points[guess, 0] - z, points[guess, 1] - y, points[guess, 2] - x, spacing)
    if best_squared <= enough:
        return best, best_squared
    first_leaf = boxes.shape[0] // 2
    stack, stacked_squared = np.empty(64, dtype=np.int64), np.empty(64)
    stack[0], stacked_squared[0] = 0, 0.0
    height = 1
    while height:
        height -= 1
        node = stack[height]
        if stacked_squared[height] >= best_squared:
            continue
        if node < first_leaf:
            near, far = 2 * node + 1, 2 * node + 2
            near_squared = squared_to_box(boxes, near, z, y, x, spacing)
            far_squared = squared_to_box(boxes, far, z, y, x, spacing)
            if far_squared < near_squared:
                near, far, near_squared, far_squared = far, near, far_squared, near_squared
            stack[height], stacked_squared[height] = far, far_squared
            stack[height + 1], stacked_squared[height + 1] = near, near_squared
            height += 2
            continue
        start = (node - first_leaf) * LEAF
        for i in range(start, min(start + LEAF, points.shape[0])):
            squared = squared_length(points[i, 0] - z, points[i, 1] - y, points[i, 2] - x, spacing)
            if squared < best_squared:
                best, best_squared = i, squared
        if best_squared <= enough:
            break
    return best, best_squared


@compiled()
def points_within(
    points: np.ndarray,
    boxes: np.ndarray,
    voxel: tuple[int, int, int],
    spacing: tuple[float, float, float],
    limit_squared: float,
    found: np.ndarray,
) -> int:
    """Write into `found`, which has room for all, the points within a squared distance; return their number."""
    z, y, x = voxel
    count = 0
    first_leaf = boxes.shape[0] // 2
    stack = np.empty(64, dtype=np.int64)
    stack[0] = 0
    height = 1
    while height:
        height -= 1
        node = stack[height]
        if squared_to_box(boxes, node, z, y, x, spacing) > limit_squared:
            continue
        if node < first_leaf:
            stack[height], stack[height + 1] = 2 * node + 2, 2 * node + 1
            height += 2
            continue
        start = (node - first_leaf) * LEAF
        for i in range(start, min(start + LEAF, points.shape[0])):
            if squared_length(points[i, 0] - z, points[i, 1] - y, points[i, 2] - x, spacing) <= limit_squared:
                found[count] = i
                count += 1
    return count


@compiled()
def _candidates(
    points: np.ndarray,
    boxes: np.ndarray,
    centre: tuple[int, int, int],
    spacing: tuple[float, float, float],
    guess: int,
    found: np.ndarray,
) -> tuple[int, int]:
    """Write into `found` all points that may be nearest to a voxel of the block around `centre`.

    Returns their number, and the point nearest to the centre: a good guess for the next block.

    With d the distance from the centre to its nearest point and r the block's radius, a voxel of the block has a point
    within d + r, so its nearest one is within d + 2r of the centre.
    """
    nearest, squared = nearest_point(points, boxes, centre, spacing, guess)
    radius = math.sqrt(squared_length(REACH, REACH, REACH, spacing))
    limit = (math.sqrt(squared) + 2 * radius) * (1 + 1e-6)
    return points_within(points, boxes, centre, spacing, limit * limit, found), nearest


@compiled()
def _boxes_by_component(points: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A tree for each component's points: all their boxes, and where each component's begin."""
    box_starts = np.zeros(starts.size, dtype=np.int64)
    for c in range(starts.size - 1):
        box_starts[c + 1] = box_starts[c] + n_nodes(starts[c + 1] - starts[c])
    boxes = np.empty((box_starts[-1], 6), dtype=np.int32)
    for c in range(starts.size - 1):
        fill_boxes(points[starts[c] : starts[c + 1]], boxes[box_starts[c] : box_starts[c + 1]])
    return boxes, box_starts


@compiled()
def nearest_in_rows(
    columns: np.ndarray,
    row_starts: np.ndarray,
    height: int,
    components: np.ndarray,
    points: np.ndarray,
    ranks: np.ndarray,
    starts: np.ndarray,
    spacing: tuple[float, float, float],
) -> np.ndarray:
    """The rank, from 1, of the point of its own component that is nearest to each voxel, int32 (N,); 0 where none is.

    Of the points equally near up to TIE, the one of lowest rank counts.

    Args:
        columns, row_starts, height: the voxels by rows, as `vessels.voxel_rows.VoxelRows` has them.
        components: int32 (N,), component of each voxel, from 1 to C.
        points, ranks: the points, by component and in each along the Morton curve, and the rank of each, 0 to K - 1.
        starts: int64 (C + 2,), points of component c are those from starts[c] to starts[c + 1].
    """
    boxes, box_starts = _boxes_by_component(points, starts)
    nearest = np.zeros(columns.size, dtype=np.int32)
    found = np.zeros(points.shape[0], dtype=np.int64)
    guesses = np.zeros(starts.size, dtype=np.int64)
    found_ranks = np.zeros(points.shape[0], dtype=np.int64)
    found_x, row_squared, squared = np.empty(points.shape[0]), np.empty(points.shape[0]), np.empty(points.shape[0])
    side = 2 * REACH + 1
    depth = (row_starts.size - 1) // height
    # The rows of a block, and the next voxel and the end of each.
    rows, at, ends = (
        np.empty((side * side, 2), dtype=np.int64),
        np.empty(side * side, dtype=np.int64),
        np.empty(side * side, dtype=np.int64),
    )
    for z_block in range(0, depth, side):
        for y_block in range(0, height, side):
            n_rows = 0
            for z in range(z_block, min(z_block + side, depth)):
                for y in range(y_block, min(y_block + side, height)):
                    row = z * height + y
                    if row_starts[row] < row_starts[row + 1]:
                        rows[n_rows, 0], rows[n_rows, 1] = z, y
                        at[n_rows], ends[n_rows] = row_starts[row], row_starts[row + 1]
                        n_rows += 1
            while True:
                x_block = -1
                for r in range(n_rows):
                    if at[r] < ends[r] and (x_block < 0 or columns[at[r]] < x_block):
                        x_block = columns[at[r]]
                if x_block < 0:
                    break
                x_block = x_block // side * side
                current = count = 0
                for r in range(n_rows):
                    z, y = rows[r, 0], rows[r, 1]
                    new_row = True
                    while at[r] < ends[r] and columns[at[r]] < x_block + side:
                        voxel = at[r]
                        at[r] += 1
                        c = components[voxel]
                        first, last = starts[c], starts[c + 1]
                        if first == last:
                            continue
                        if c != current:
                            current = c
                            new_row = True
                            centre = (z_block + REACH, y_block + REACH, x_block + REACH)
                            of_c = boxes[box_starts[c] : box_starts[c + 1]]
                            count, guesses[c] = _candidates(
                                points[first:last], of_c, centre, spacing, guesses[c], found
                            )
                            for i in range(count):
                                found[i] += first
                                found_ranks[i] = ranks[found[i]]
                                found_x[i] = points[found[i], 2]
                        if new_row:
                            new_row = False
                            for i in range(count):
                                dz, dy = points[found[i], 0] - z, points[found[i], 1] - y
                                row_squared[i] = squared_length(dz, dy, 0, spacing)
                        rank = _first_nearest(
                            columns[voxel],
                            spacing[2],
                            found_x[:count],
                            row_squared[:count],
                            found_ranks[:count],
                            squared[:count],
                        )
                        nearest[voxel] = rank + 1
    return nearest


# Distances are never NaN: said so, the search for the least runs several at once. Sums are not reordered.
@compiled(fastmath={"nnan", "nsz"})
def _first_nearest(
    x: int, spacing_x: float, found_x: np.ndarray, row_squared: np.ndarray, ranks: np.ndarray, squared: np.ndarray
) -> int:
    """The lowest rank of all those points that are as near to a voxel as the nearest, up to TIE.

    Args:
        found_x, row_squared, ranks: the points' x, squared distances from the voxel's row, and ranks.
        squared: working space of the same length.
    """
    least = np.inf
    for i in range(found_x.size):
        dx = abs(found_x[i] - x) * spacing_x
        squared[i] = row_squared[i] + dx * dx
        least = min(least, squared[i])
    limit = least * (1 + TIE)
    lowest = NO_RANK
    for i in range(found_x.size):
        lowest = min(lowest, ranks[i] if squared[i] <= limit else NO_RANK)
    return lowest
