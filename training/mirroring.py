"""Mirrored copies of an image at prediction: which there are, and what their channels mean when turned back."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import torch

from ramify.data.augmentations.swaps import swapped_classes
from ramify.tasks.formulation import VESSELS, Tasks
from ramify.training.names import AxisName

AXES: tuple[AxisName, ...] = ("z", "y", "x")
"""Of prepared arrays, the patient's: towards the head, the back, the left. 2D: the last two."""


class Mirroring:
    """Which axes of prepared images are mirrored.

    Args:
        axes: by name, in any order. Every set of them is a copy: 2^n in all, the image itself among them.
        swaps: pairs of classes that become one another where left and right (x) are mirrored, as in the training's
            `augmentation.flip_swaps`: what was called left in the mirrored image is the right one.
        tasks: of the network, for what its channels mean.
        ndim: axes of the images.

    Raises:
        ValueError: an axis that the images have not; classes that become something which no channel is.

    Examples:
        >>> from ramify.tasks import Tasks
        >>> from ramify.training.mirroring import Mirroring
        >>> Mirroring(("x", "y"), {}, Tasks("vessels", "none", 3), ndim=3).copies
        ((), (1,), (2,), (1, 2))
    """

    def __init__(self, axes: Sequence[AxisName], swaps: Mapping[str, str], tasks: Tasks, ndim: int) -> None:
        own = AXES[-ndim:]
        if unknown := [name for name in axes if name not in own]:
            raise ValueError(f"--mirror {unknown[0]}: the network was trained on {ndim} axes, {' and '.join(own)}")
        places = sorted({own.index(name) for name in axes})
        self._last = ndim - 1
        self._swapped = _swapped_channels(swaps, tasks) if self._last in places else None
        self.copies: tuple[tuple[int, ...], ...] = tuple(
            chosen for count in range(len(places) + 1) for chosen in combinations(places, count)
        )

    @property
    def swaps_sides(self) -> bool:
        """Whether the patient's left and right change places in some copies."""
        return any(self._last in copy for copy in self.copies)

    def turned_back(self, probabilities: torch.Tensor, copy: tuple[int, ...]) -> torch.Tensor:
        """What a network says of a copy, or of a part of it, (1, C, *S), as it would say it of the image."""
        if self._swapped is not None and self._last in copy:
            probabilities = probabilities[:, self._swapped]
        return probabilities.flip([2 + axis for axis in copy]) if copy else probabilities


def _swapped_channels(swaps: Mapping[str, str], tasks: Tasks) -> list[int] | None:
    """Which channel of a mirrored image each of `tasks.segmented` is read from; None where each is its own."""
    becomes = swapped_classes(swaps, tasks.table)
    if becomes is None:
        return None
    members = {name: _members(name, tasks) for name in tasks.segmented}
    found: list[int] = []
    for name, numbers in members.items():
        mirrored = {int(becomes[number]) for number in numbers}
        of_same = [place for place, other in enumerate(members.values()) if other == mirrored]
        if not of_same:
            names = ", ".join(tasks.table.names[number - 1] for number in sorted(mirrored))
            raise ValueError(
                f"--mirror x: by augmentation.flip_swaps, {name} becomes {names}, which no channel of the network is; "
                "leave x out"
            )
        # Two regions may be made of the same classes.
        own = len(found)
        found.append(own if own in of_same else of_same[0])
    return None if found == [*range(len(found))] else found


def _members(name: str, tasks: Tasks) -> set[int]:
    return set(tasks.table.vessels if name == VESSELS and not tasks.tells_apart else tasks.table.numbers_of(name))
