"""Which axes each level of a network halves, from how often each is halved in all."""

from collections.abc import Sequence

Rows = tuple[tuple[int, ...], ...]
"""A row a level, from full resolution down: of each axis 2, where it is halved, or 1."""


def pooling_rows(levels: int, ndim: int, halvings: Sequence[int] | None = None) -> Rows:
    """What each level halves. An axis that is halved less often than others waits: the last levels halve it.

    Args:
        levels: number of down-samplings.
        ndim: 2 or 3.
        halvings: of each axis, the most of them `levels`; None: every level halves every axis.

    Raises ValueError for other numbers.

    Examples:
        >>> from ramify.models.pooling import pooling_rows
        >>> pooling_rows(3, 3, (1, 3, 3))
        ((1, 2, 2), (1, 2, 2), (2, 2, 2))
    """
    each = (levels,) * ndim if halvings is None else tuple(halvings)
    if len(each) != ndim:
        raise ValueError(f"model.pooling: expected {ndim} numbers for images of {ndim} axes, got {list(each)}")
    if max(each) != levels or min(each) < 0:
        raise ValueError(
            f"model.pooling: expected the most of {list(each)} to be the {levels} levels, and none below 0"
        )
    return tuple(tuple(2 if level >= levels - its else 1 for its in each) for level in range(levels))


def multiples_of(rows: Rows, ndim: int) -> tuple[int, ...]:
    """What each axis of an image must be a multiple of.

    Examples:
        >>> from ramify.models.pooling import multiples_of, pooling_rows
        >>> multiples_of(pooling_rows(3, 3, (1, 3, 3)), ndim=3)
        (2, 8, 8)
    """
    found = [1] * ndim
    for row in rows:
        found = [each * factor for each, factor in zip(found, row, strict=True)]
    return tuple(found)
