"""How often a network halves each axis of a patch: the shortest sides of a voxel first, until all are about as long,
and no axis below a few voxels."""

from collections.abc import Sequence

LEAST_SIDE = 4
"""Voxels that an axis keeps at least where nobody asks for more levels."""
MOST_LEVELS = 5
WITHIN = 2.0
"""An axis is halved where its voxels are less than so many times as long as the shortest ones that are."""


def halvings_of(
    size: Sequence[int], spacing_mm: Sequence[float], levels: int | None = None, *, exactly: bool = False
) -> tuple[int, ...]:
    """How often each axis is halved, the most of them the number of levels.

    Args:
        size: of the patch, voxels.
        spacing_mm: of its voxels.
        levels: so many, whatever room there is; None: as many as leave LEAST_SIDE voxels, MOST_LEVELS at most.
        exactly: whether the size is to stay, so that an odd side is not halved; then there may be fewer than `levels`.

    Examples:
        >>> from ramify.planning.pooling import halvings_of
        >>> halvings_of((64, 64), (1.0, 1.0), levels=2)
        (2, 2)
        >>> halvings_of((16, 160, 160), (5.0, 0.7, 0.7))  # thick slices wait until the others are as coarse
        (2, 5, 5)
    """
    sides, lengths, found = list(size), list(spacing_mm), [0] * len(size)
    for _ in range(MOST_LEVELS if levels is None else levels):
        room = [(levels is not None or side >= 2 * LEAST_SIDE) and not (exactly and side % 2) for side in sides]
        if not any(room):
            break
        shortest = min(length for length, has_room in zip(lengths, room) if has_room)
        for axis, has_room in enumerate(room):
            if has_room and lengths[axis] < WITHIN * shortest:
                sides[axis], lengths[axis], found[axis] = sides[axis] // 2, 2 * lengths[axis], found[axis] + 1
    return tuple(found)
