"""Betti numbers of a mask: how many pieces, tunnels and cavities it has.

Foreground is connected over faces, edges and corners (26 in 3D, 8 in 2D), background over faces alone (6 and 4): with
any other pair the three numbers would not fit together. Outside the volume is background.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ramify.compilation import compiled
from ramify.vessels.masks import check_volume
from ramify.vessels.octants import BoundaryCorners, boundary_corners, euler_characteristic


class BettiNumbers(NamedTuple):
    """The Betti numbers of a mask, and their alternating sum."""

    pieces: int
    """β0: connected components"""
    tunnels: int
    """β1: independent loops; in 2D the holes"""
    cavities: int
    """β2: enclosed pieces of background; none in 2D"""

    @property
    def euler(self) -> int:
        """χ = β0 - β1 + β2, the Euler characteristic."""
        return self.pieces - self.tunnels + self.cavities


def betti_numbers(mask: NDArray[np.bool_], boundary: BoundaryCorners | None = None) -> BettiNumbers:
    """Count pieces, tunnels and cavities of a mask exactly.

    Pieces and, in 3D, cavities are counted as components of foreground and background; the Euler characteristic gives
    the tunnels: β1 = β0 + β2 - χ.

    Args:
        mask: bool (*S), 2D or 3D
        boundary: its `boundary_corners`, where they are at hand.

    Returns:
        all 0 for an empty mask.

    Raises:
        ValueError: a mask that is not boolean, or not 2D or 3D.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import betti_numbers
        >>> ring = np.ones((3, 3), bool)
        >>> ring[1, 1] = False
        >>> betti_numbers(ring)
        BettiNumbers(pieces=1, tunnels=1, cavities=0)
    """
    pieces, cavities = count_pieces(mask), count_cavities(mask)
    euler = euler_characteristic(boundary_corners(mask) if boundary is None else boundary)
    return BettiNumbers(pieces, pieces + cavities - euler, cavities)


def count_pieces(mask: NDArray[np.bool_]) -> int:
    """Count the connected components (26 in 3D, 8 in 2D) of a mask (*S).

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import count_pieces
        >>> count_pieces(np.array([[1, 0, 1, 1, 0, 1]], bool))
        3
    """
    check_volume(mask, "mask")
    pieces: int = _count(np.ascontiguousarray(mask if mask.ndim == 3 else mask[np.newaxis]), True, 1)
    return pieces


def count_cavities(mask: NDArray[np.bool_]) -> int:
    """Count the pieces of background (6-connected) that a mask (*S) encloses; 0 in 2D, where they are tunnels.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import count_cavities
        >>> hollow = np.ones((3, 3, 3), bool)
        >>> hollow[1, 1, 1] = False
        >>> count_cavities(hollow)
        1
    """
    check_volume(mask, "mask")
    return _count(np.ascontiguousarray(mask), False, 0) - 1 if mask.ndim == 3 else 0


@compiled(nogil=True)
def _root(parents: np.ndarray, run: int) -> int:
    while parents[run] != run:
        parents[run] = parents[parents[run]]
        run = parents[run]
    return run


@compiled(nogil=True)
def _write_runs(row: np.ndarray, kind: bool, starts: np.ndarray, stops: np.ndarray, n_runs: int) -> int:
    """Append the runs of one kind of voxel in a row; return how many runs there are then."""
    inside = False
    for x in range(row.size):
        if (row[x] == kind) != inside:
            inside = not inside
            if inside:
                starts[n_runs] = x
            else:
                stops[n_runs] = x
                n_runs += 1
    if inside:
        stops[n_runs] = row.size
        n_runs += 1
    return n_runs


@compiled(nogil=True)
def _merge_rows(
    starts: np.ndarray, stops: np.ndarray, parents: np.ndarray, row: tuple[int, int], other: tuple[int, int], reach: int
) -> int:
    """Unite the runs of two rows that overlap, or touch at a corner with reach 1; return how many unions it took."""
    merged = 0
    i, j = row[0], other[0]
    while i < row[1] and j < other[1]:
        if starts[i] < stops[j] + reach and starts[j] < stops[i] + reach:
            one, two = _root(parents, i), _root(parents, j)
            if one != two:
                parents[max(one, two)] = min(one, two)
                merged += 1
        if stops[i] < stops[j]:
            i += 1
        else:
            j += 1
    return merged


@compiled(nogil=True)
def _count(mask: np.ndarray, kind: bool, reach: int) -> int:
    """Components of the voxels of one kind: each run of them along x is one, less those united with runs before.

    mask: (Z, Y, X). reach: 1 if voxels of runs in neighbouring rows touch at corners too, 0 if at faces alone.
    The background, and it alone, goes on outside the volume, which is run 0 and a component too.
    """
    depth, height, width = mask.shape
    first = np.zeros(depth * height + 1, dtype=np.int64)
    starts, stops = np.empty(1024, dtype=np.int32), np.empty(1024, dtype=np.int32)
    parents = np.empty(1024, dtype=np.int32)
    n_runs = components = 0
    if not kind:
        parents[0] = 0
        n_runs = components = 1
        first[0] = 1
    for z in range(depth):
        for y in range(height):
            on_border = z == 0 or z == depth - 1 or y == 0 or y == height - 1
            if n_runs + width // 2 + 1 > parents.size:
                starts, stops, parents = _larger(starts, width), _larger(stops, width), _larger(parents, width)
            here = n_runs
            n_runs = _write_runs(mask[z, y], kind, starts, stops, here)
            for run in range(here, n_runs):
                parents[run] = run
                if not kind and (on_border or starts[run] == 0 or stops[run] == width):
                    parents[run] = 0
                    components -= 1
            components += n_runs - here
            first[z * height + y + 1] = n_runs
            if n_runs == here:
                continue
            row = (here, n_runs)
            if y > 0:
                k = z * height + y - 1
                components -= _merge_rows(starts, stops, parents, row, (first[k], first[k + 1]), reach)
            if z > 0:
                for other_y in range(max(y - reach, 0), min(y + reach + 1, height)):
                    k = (z - 1) * height + other_y
                    components -= _merge_rows(starts, stops, parents, row, (first[k], first[k + 1]), reach)
    return components


@compiled(nogil=True)
def _larger(values: np.ndarray, more: int) -> np.ndarray:
    larger = np.empty(2 * values.size + more, dtype=values.dtype)
    larger[: values.size] = values
    return larger
