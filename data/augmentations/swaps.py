"""Classes of the left and the right: which become one another where a sample is mirrored between these sides."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ramify.data.named_classes import class_number
from ramify.tasks.class_table import ClassTable

_SIDES = {"left": "right", "right": "left", "l": "r", "r": "l"}


def swapped_classes(swaps: Mapping[str, str], table: ClassTable) -> NDArray[np.uint8] | None:
    """What each number of a class map becomes where left and right are mirrored, uint8 (256,); None: it stays.

    Args:
        swaps: pairs of classes, by name or number.
        table: the classes.

    Raises ValueError for a class that there is not, one that is swapped with itself, or with two.

    Examples:
        >>> from ramify.data.augmentations.swaps import swapped_classes
        >>> from ramify.tasks.class_table import ClassTable
        >>> table = ClassTable.model_validate({"classes": {"left": 1, "right": 2, "trunk": 3}})
        >>> swapped_classes({"left": "right"}, table)[:4].tolist()
        [0, 2, 1, 3]
    """
    if not swaps:
        return None
    partner: dict[int, int] = {}
    for names in swaps.items():
        one, other = (class_number(name, table, "augmentation.flip_swaps") for name in names)
        if one == other:
            raise ValueError(f"augmentation.flip_swaps: {names[0]} is swapped with itself; leave it out")
        for number, its in ((one, other), (other, one)):
            if partner.setdefault(number, its) != its:
                raise ValueError(
                    f"augmentation.flip_swaps: {table.names[number - 1]} is swapped with "
                    f"{table.names[partner[number] - 1]} and {table.names[its - 1]}; give it one of them"
                )
    becomes = np.arange(256, dtype=np.uint8)
    becomes[list(partner)] = list(partner.values())
    return becomes


def sides_among(names: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of names that are the same but for left and right, or l and r, as words of their own.

    Examples:
        >>> from ramify.data.augmentations.swaps import sides_among
        >>> sides_among(["portal_left", "trunk", "portal_right", "L-PCA", "R-ICA"])
        [('portal_left', 'portal_right')]
    """
    by_words = {_words(name): name for name in names}
    mirrored = {name: by_words.get(tuple(_SIDES.get(word, word) for word in _words(name))) for name in names}
    places = {name: place for place, name in enumerate(names)}
    return [(name, other) for name, other in mirrored.items() if other and places[name] < places[other]]


def _words(name: str) -> tuple[str, ...]:
    """Words of a name and what stands between them."""
    return tuple(re.findall(r"[^\W_]+|[\W_]+", name.casefold()))
