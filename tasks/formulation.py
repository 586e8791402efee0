"""The formulations, and of each its tasks: which channels answer a task, and which labels of the truth it is about.

| formulation | channels | tasks |
| --- | --- | --- |
| multi_task | 1 + S: vessel, then each scale | main (all vessels), scale_1 … scale_S: a channel and a sigmoid each |
| binary | 1: vessel | main alone: a sigmoid |
| multi_class | 1 + S: background, then each scale | main: all channels, a softmax over exclusive classes |

Losses, networks and whoever reads their probabilities ask here. A further formulation is a function and a line in
`_TASKS_OF`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

Formulation = Literal["multi_task", "binary", "multi_class"]
FORMULATIONS: tuple[Formulation, ...] = get_args(Formulation)


@dataclass(frozen=True)
class Task:
    """One question that is asked about every voxel.

    Attributes:
        name: "main", or "scale_2": how losses and histories call it.
        channels: of the logits that answer it.
        classes: of each foreground class, the labels of the scale map that are in it.
        exclusive: whether the classes exclude one another, and the background has the first of the channels; otherwise
            each channel is a mask of its own.
    """

    name: str
    channels: range
    classes: tuple[range, ...]
    exclusive: bool = False


@dataclass(frozen=True)
class Tasks:
    """The tasks of a network of a formulation, for labels of S scales.

    Raises ValueError for an unknown formulation, or fewer scales than it can do with.
    """

    formulation: Formulation
    n_scales: int

    def __post_init__(self) -> None:
        check_formulation(self.formulation)
        least = 1 if is_exclusive(self.formulation) else 0
        if isinstance(self.n_scales, bool) or not isinstance(self.n_scales, int) or self.n_scales < least:
            raise ValueError(f"n_scales: expected an integer of at least {least}, got {self.n_scales!r}")

    @cached_property
    def all(self) -> tuple[Task, ...]:
        """Every task, the main one first."""
        return _TASKS_OF[self.formulation](self.n_scales)

    @property
    def main(self) -> Task:
        """Where vessels are: the task a network is for."""
        return self.all[0]

    @property
    def auxiliary(self) -> tuple[Task, ...]:
        """One task a scale, where scales are tasks of their own; they have projections that can be contrasted."""
        return self.all[1:]

    @property
    def n_channels(self) -> int:
        """Channels K of the logits."""
        return max(task.channels.stop for task in self.all)

    @property
    def masks(self) -> tuple[range, ...]:
        """Labels of each mask that probabilities are read of: all vessels, then each scale the network tells apart."""
        told_apart = [self.main] if self.main.exclusive else self.auxiliary
        return (any_vessel(self.n_scales), *(labels for task in told_apart for labels in task.classes))


def check_formulation(formulation: str) -> None:
    """Raise ValueError for a formulation that there is not."""
    if formulation not in FORMULATIONS:
        raise ValueError(f"formulation: expected one of {', '.join(FORMULATIONS)}, got {formulation!r}")


def is_exclusive(formulation: Formulation) -> bool:
    """Whether all channels answer one task by a softmax, rather than each a task of its own by a sigmoid."""
    return formulation == "multi_class"


def any_vessel(n_scales: int) -> range:
    """The labels of vessels of every scale."""
    return range(1, 1 + n_scales)


def only(scale: int) -> range:
    """The label of one scale, 1 … S."""
    return range(scale, 1 + scale)


def _binary(n_scales: int) -> tuple[Task, ...]:
    return (Task("main", range(1), (any_vessel(n_scales),)),)


def _multi_task(n_scales: int) -> tuple[Task, ...]:
    scales = (Task(f"scale_{scale}", only(scale), (only(scale),)) for scale in range(1, 1 + n_scales))
    return (*_binary(n_scales), *scales)


def _multi_class(n_scales: int) -> tuple[Task, ...]:
    classes = tuple(only(scale) for scale in range(1, 1 + n_scales))
    return (Task("main", range(1 + n_scales), classes, exclusive=True),)


_TASKS_OF: dict[Formulation, Callable[[int], tuple[Task, ...]]] = {
    "multi_task": _multi_task,
    "binary": _binary,
    "multi_class": _multi_class,
}
