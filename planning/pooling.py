"""Which axes each level of a network halves: the finest first, until all are about as coarse, and none below a few
voxels."""

from collections.abc import Sequence

LEAST_SIDE = 4
"""Voxels that an axis keeps at least where nobody asks for more levels."""
MOST_LEVELS = 5
WITHIN = 2.0
"""An axis is halved where its voxels are less than so many times as long as the shortest ones that are."""

Pooling = tuple[tuple[int, ...], ...]
"""A row a level, from full resolution down; of each axis 2, where it is halved, or 1."""


def pooling_of(size: Sequence[int], spacing_mm: Sequence[float], levels: int | None = None) -> Pooling:
    """The levels that a patch has room for.

    Args:
        size: of the patch, voxels.
        spacing_mm: of its voxels.
        levels: so many, whatever room there is; None: as many as leave LEAST_SIDE voxels, MOST_LEVELS at most.

    Examples:
        >>> from ramify.planning.pooling import pooling_of
        >>> pooling_of((64, 64), (1.0, 1.0), levels=2)
        ((2, 2), (2, 2))
        >>> pooling_of((16, 160, 160), (5.0, 0.7, 0.7))  # thick slices wait until the others are as coarse
        ((1, 2, 2), (1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2))
    """
    sides, lengths, rows = list(size), list(spacing_mm), list[tuple[int, ...]]()
    while len(rows) < (MOST_LEVELS if levels is None else levels):
        room = [levels is not None or side >= 2 * LEAST_SIDE for side in sides]
        if not any(room):
            break
        shortest = min(length for length, has_room in zip(lengths, room) if has_room)
        row = tuple(2 if has_room and length < WITHIN * shortest else 1 for length, has_room in zip(lengths, room))
        rows.append(row)
        sides = [side // factor for side, factor in zip(sides, row)]
        lengths = [length * factor for length, factor in zip(lengths, row)]
    return tuple(rows)


def multiples_of(pooling: Pooling, ndim: int) -> tuple[int, ...]:
    """What each axis of a patch is a multiple of.

    Examples:
        >>> from ramify.planning.pooling import multiples_of
        >>> multiples_of(((1, 2), (2, 2)), ndim=2)
        (2, 4)
    """
    found = [1] * ndim
    for row in pooling:
        found = [each * factor for each, factor in zip(found, row, strict=True)]
    return tuple(found)


def is_even(pooling: Pooling) -> bool:
    """Whether every level halves every axis."""
    return all(factor == 2 for row in pooling for factor in row)
