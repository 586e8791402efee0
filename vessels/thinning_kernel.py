"""The kernel of Lee's thinning: deletes simple border voxels from lists, never from whole-volume scans.

A neighbourhood is a 27-bit integer: bit 9 (dz+1) + 3 (dy+1) + (dx+1) is set where that neighbour is foreground, and the
centre, bit 13, is always clear. A voxel's byte in the working volume holds what the lists know of it:

    FOREGROUND  it belongs to the mask
    LISTED      it is in the list of voxels that may become deletable
    DELETABLE   its neighbourhood was tested since it last changed, and passed
"""

import numpy as np

from ramify.compilation import compiled

FOREGROUND = 1
LISTED = 2
DELETABLE = 4

# Lee's sub-iterations visit the six faces in this order; a single slice has no faces along z to erode.
FACES_2D = np.array([(0, -1, 0), (0, 1, 0), (0, 0, 1), (0, 0, -1)], dtype=np.int64)
FACES_3D = np.concatenate([FACES_2D, np.array([(1, 0, 0), (-1, 0, 0)], dtype=np.int64)])


def _bit(dz: int, dy: int, dx: int) -> int:
    return 1 << (9 * (dz + 1) + 3 * (dy + 1) + dx + 1)


def _bits_where(axis_shift: int, value: int) -> int:
    """All bits whose coordinate along one axis (x: 0, y: 1, z: 2) is not `value` in -1..1."""
    return sum(1 << bit for bit in range(27) if bit // 3**axis_shift % 3 - 1 != value)


def _cell_masks() -> tuple[np.ndarray, np.ndarray]:
    """For every vertex, edge and face of the centre cube: the neighbours that share it, its sign in the Euler sum."""
    masks, signs = [], []
    for dz in (-1, 0, 1):
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                towards = (dz, dy, dx)
                if towards == (0, 0, 0):
                    continue
                sharing = 0
                for z in {0, dz}:
                    for y in {0, dy}:
                        for x in {0, dx}:
                            sharing |= _bit(z, y, x)
                masks.append(sharing & ~_bit(0, 0, 0))
                signs.append((-1) ** (3 - np.count_nonzero(towards)))
    return np.array(masks, dtype=np.int64), np.array(signs, dtype=np.int64)


NOT_X_LOW, NOT_X_HIGH = _bits_where(0, -1), _bits_where(0, 1)
NOT_Y_LOW, NOT_Y_HIGH = _bits_where(1, -1), _bits_where(1, 1)
NOT_Z_LOW, NOT_Z_HIGH = _bits_where(2, -1), _bits_where(2, 1)
CELL_MASKS, CELL_SIGNS = _cell_masks()


@compiled()
def _neighbourhood(volume: np.ndarray, voxel: int, row: int, plane: int) -> int:
    """The 27-bit neighbourhood of a voxel of the flat, padded volume."""
    code = 0
    bit = 0
    for dz in range(-1, 2):
        for dy in range(-1, 2):
            start = voxel + dz * plane + dy * row
            triple = (
                (volume[start - 1] & FOREGROUND)
                | ((volume[start] & FOREGROUND) << 1)
                | ((volume[start + 1] & FOREGROUND) << 2)
            )
            code |= triple << bit
            bit += 3
    return code & ~(1 << 13)


@compiled()
def _is_connected(code: int) -> bool:
    """Whether the neighbours form at most one 26-connected piece among themselves."""
    piece = code & -code
    while True:
        grown = piece | ((piece & NOT_X_HIGH) << 1) | ((piece & NOT_X_LOW) >> 1)
        grown |= ((grown & NOT_Y_HIGH) << 3) | ((grown & NOT_Y_LOW) >> 3)
        grown |= ((grown & NOT_Z_HIGH) << 9) | ((grown & NOT_Z_LOW) >> 9)
        grown &= code
        if grown == piece:
            return piece == code
        piece = grown


@compiled()
def _keeps_euler_characteristic(code: int) -> bool:
    """Whether the Euler characteristic (26-connected foreground) is the same without the centre voxel."""
    change = -1
    for cell in range(CELL_MASKS.size):
        if code & CELL_MASKS[cell] == 0:
            change += CELL_SIGNS[cell]
    return change == 0


@compiled()
def _is_deletable(code: int) -> bool:
    """Lee's three conditions: no end point, Euler characteristic kept, neighbours in one piece."""
    return code & (code - 1) != 0 and _keeps_euler_characteristic(code) and _is_connected(code)


@compiled()
def is_simple(volume: np.ndarray, voxel: int, row: int, plane: int) -> bool:
    """Whether the foreground has the same topology with a voxel of the flat, padded volume as without it."""
    code = _neighbourhood(volume, voxel, row, plane)
    return bool(code != 0 and _keeps_euler_characteristic(code) and _is_connected(code))


@compiled()
def _with_room(buffer: np.ndarray, count: int, more: int) -> np.ndarray:
    """The buffer with its first `count` values and room for `more` behind them."""
    if count + more <= buffer.size:
        return buffer
    larger = np.empty(2 * buffer.size + more, dtype=np.int64)
    larger[:count] = buffer[:count]
    return larger


@compiled()
def _merged(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Two ascending lists as one."""
    both = np.empty(first.size + second.size, dtype=np.int64)
    i = j = 0
    for k in range(both.size):
        if j == second.size or (i < first.size and first[i] < second[j]):
            both[k] = first[i]
            i += 1
        else:
            both[k] = second[j]
            j += 1
    return both


@compiled()
def _wake_neighbours(volume: np.ndarray, voxel: int, row: int, plane: int, woken: np.ndarray, count: int) -> int:
    """Have the neighbours of a deleted voxel tested anew; those not listed yet join `woken`, which has room for 27."""
    for dz in range(-1, 2):
        for dy in range(-1, 2):
            start = voxel + dz * plane + dy * row
            for other in range(start - 1, start + 2):
                # Written without branches: whether a neighbour is there is as good as random.
                present = volume[other] & FOREGROUND
                woken[count] = other
                count += present & ~(volume[other] >> 1)
                volume[other] = present * (FOREGROUND | LISTED)
    return count


@compiled()
def _candidates(
    volume: np.ndarray, listed: np.ndarray, step: int, row: int, plane: int
) -> tuple[np.ndarray, np.ndarray]:
    """The listed voxels that may be deleted from one face, and those worth keeping in the list."""
    candidates = np.empty(listed.size, dtype=np.int64)
    n_candidates = n_kept = 0
    for voxel in listed:
        state = volume[voxel]
        if not state & FOREGROUND:
            continue
        if not state & DELETABLE:
            if not _is_deletable(_neighbourhood(volume, voxel, row, plane)):
                volume[voxel] = FOREGROUND
                continue
            volume[voxel] = FOREGROUND | LISTED | DELETABLE
        listed[n_kept] = voxel
        n_kept += 1
        candidates[n_candidates] = voxel
        n_candidates += (volume[voxel + step] & FOREGROUND) ^ 1
    return candidates[:n_candidates], listed[:n_kept]


@compiled()
def thin(volume: np.ndarray, shape: tuple[int, int, int], listed: np.ndarray, faces: np.ndarray) -> None:
    """Thin a flat volume in place until nothing changes; a voxel without any neighbour is kept.

    Args:
        volume: uint8, flat view of the padded volume of `shape`; one voxel of background on every side.
        listed: int64, ascending flat indices of the voxels to start from, each marked LISTED in `volume`.
        faces: int64 (F, 3), face directions in the order of the sub-iterations.
    """
    row, plane = shape[2], shape[1] * shape[2]
    woken = np.empty(1024, dtype=np.int64)
    unchanged = 0
    while unchanged < len(faces):
        unchanged = 0
        for face in faces:
            step = face[0] * plane + face[1] * row + face[2]
            candidates, listed = _candidates(volume, listed, step, row, plane)
            n_woken = n_deleted = 0
            for voxel in candidates:
                code = _neighbourhood(volume, voxel, row, plane)
                if code != 0 and _is_connected(code):
                    volume[voxel] = 0
                    n_deleted += 1
                    woken = _with_room(woken, n_woken, 27)
                    n_woken = _wake_neighbours(volume, voxel, row, plane, woken, n_woken)
            if n_woken:
                listed = _merged(listed, np.sort(woken[:n_woken]))
            if n_deleted == 0:
                unchanged += 1


@compiled()
def border_voxels(volume: np.ndarray, shape: tuple[int, int, int], voxels: np.ndarray) -> np.ndarray:
    """Those of the foreground `voxels` that have a background face neighbour, marked LISTED; order is kept."""
    row, plane = shape[2], shape[1] * shape[2]
    border = np.empty(voxels.size, dtype=np.int64)
    count = 0
    for voxel in voxels:
        if not (
            volume[voxel - 1]
            & volume[voxel + 1]
            & volume[voxel - row]
            & volume[voxel + row]
            & volume[voxel - plane]
            & volume[voxel + plane]
            & FOREGROUND
        ):
            volume[voxel] = FOREGROUND | LISTED
            border[count] = voxel
            count += 1
    return border[:count]
