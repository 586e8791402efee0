"""What a network is asked: its tasks, which channels answer each of them, and which voxels each is about.

| main | channels | answers |
| --- | --- | --- |
| vessels | 1 | every vessel, a sigmoid |
| classes | 1 + C: background, then each class | one of them, a softmax |
| regions | one a region | each region, a sigmoid each |
| scales | 1 + S: background, then each scale | one of them, a softmax |

| auxiliary | further channels | tasks |
| --- | --- | --- |
| scales | S | scale_1 … scale_S, of any vessel: a channel and a sigmoid each |
| class_scales | S for each class of vessels | CLASS_scale_1 …: a channel and a sigmoid each |
| none | none | none |

Losses, networks and whoever reads their probabilities ask here.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ramify.tasks.class_table import SINGLE, ClassTable
from ramify.tasks.members import ANY_VESSEL, Members, of_scale
from ramify.tasks.settings import AUXILIARIES, MAINS, Auxiliary, Main, TaskSettings

VESSELS = "vessels"
"""What the mask of all vessels is called."""


@dataclass(frozen=True)
class Task:
    """One question that is asked about every voxel.

    Attributes:
        name: "main", or "scale_2": how losses and histories call it.
        channels: of the logits that answer it.
        masks: of each foreground class, what is in it.
        exclusive: what has one label a voxel, where the classes exclude one another: the background has the first of
            the channels then. None: each channel is a mask of its own.
        trees: which of the masks are of vessels alone, by their place: what has a skeleton.
    """

    name: str
    channels: range
    masks: tuple[Members, ...]
    exclusive: Literal["classes", "scales"] | None = None
    trees: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Tasks:
    """All tasks of a network.

    Args:
        asked: the main task.
        beside: the auxiliary tasks.
        n_scales: number of scales S of the labels.
        table: the classes of the labels.

    Raises ValueError for tasks that do not go together, or that the labels do not have.

    Examples:
        >>> from ramify.tasks import Tasks
        >>> tasks = Tasks("vessels", "scales", n_scales=3)
        >>> tasks.n_channels, [task.name for task in tasks.all]
        (4, ['main', 'scale_1', 'scale_2', 'scale_3'])
        >>> Tasks("scales", "none", n_scales=3).main.exclusive
        'scales'
    """

    asked: Main
    beside: Auxiliary
    n_scales: int
    table: ClassTable = SINGLE

    def __post_init__(self) -> None:
        if self.asked not in MAINS:
            raise ValueError(f"tasks.main: expected one of {', '.join(MAINS)}, got {self.asked!r}")
        if self.beside not in AUXILIARIES:
            raise ValueError(f"tasks.auxiliary: expected one of {', '.join(AUXILIARIES)}, got {self.beside!r}")
        least = 1 if self.asked == "scales" else 0
        if isinstance(self.n_scales, bool) or not isinstance(self.n_scales, int) or self.n_scales < least:
            raise ValueError(f"n_scales: expected an integer of at least {least}, got {self.n_scales!r}")
        if self.asked == "scales" and self.beside != "none":
            raise ValueError(f"tasks.auxiliary: {self.beside} beside a main task of scales; set it to none")
        if self.asked == "regions" and not self.table.regions:
            raise ValueError(
                "tasks.main: regions, and the cases have none; name them in the data set, or choose classes"
            )

    @classmethod
    def of(cls, settings: TaskSettings, n_scales: int, table: ClassTable = SINGLE) -> "Tasks":
        """Those of the settings, for labels of S scales and these classes."""
        # Regions that leave a class out would lose it without a word.
        written = {table.number_of_region(name) for name in table.regions}
        main = settings.main or (
            "regions" if len(written) == len(table.names) else "classes" if len(table.names) > 1 else "vessels"
        )
        beside: Auxiliary = "scales" if settings.has_scales_beside else "none"
        return cls(main, beside if settings.auxiliary == "auto" else settings.auxiliary, n_scales, table)

    @cached_property
    def all(self) -> tuple[Task, ...]:
        """Every task, the main one first."""
        main = self._main()
        first = main.channels.stop
        beside = enumerate(self._auxiliary().items(), first)
        return (main, *(Task(name, range(place, 1 + place), (members,)) for place, (name, members) in beside))

    @property
    def main(self) -> Task:
        """What the network is for."""
        return self.all[0]

    @property
    def auxiliary(self) -> tuple[Task, ...]:
        """Those beside the main one; with one a scale, they have projections that can be contrasted."""
        return self.all[1:]

    @property
    def n_channels(self) -> int:
        """Channels K of the logits."""
        return self.all[-1].channels.stop

    @property
    def main_alone(self) -> "Tasks":
        """The main task without any beside it."""
        return Tasks(self.asked, "none", self.n_scales, self.table)

    @property
    def masks(self) -> tuple[Members, ...]:
        """Each mask that probabilities are read of: all vessels first, then all that is told apart."""
        own = () if self.asked == "vessels" else self.main.masks
        return (ANY_VESSEL, *own, *self._auxiliary().values())

    @property
    def tells_apart(self) -> bool:
        """Whether a prediction tells more than where vessels are."""
        return self.asked in ("classes", "regions")

    @property
    def segmented(self) -> tuple[str, ...]:
        """What a prediction tells apart: the classes or regions of the main task, or vessels alone."""
        return self.main_names if self.tells_apart else (VESSELS,)

    @property
    def written_values(self) -> tuple[int, ...] | None:
        """The values that a prediction writes for background and each class number; None where it is a plain mask."""
        values = self.table.written_values()
        return values if values != (0, 1) and (self.tells_apart or len(values) == 2) else None

    @property
    def main_names(self) -> tuple[str, ...]:
        """What the masks of the main task are called."""
        if self.asked == "scales":
            return tuple(scale_name(scale) for scale in self._scales)
        named = {"vessels": (VESSELS,), "classes": self.table.names, "regions": tuple(self.table.regions)}
        return named[self.asked]

    @property
    def _scales(self) -> range:
        return range(1, 1 + self.n_scales)

    def _main(self) -> Task:
        table = self.table
        if self.asked == "vessels":
            return Task("main", range(1), (ANY_VESSEL,))
        if self.asked == "scales":
            masks = tuple(of_scale(scale) for scale in self._scales)
            return Task("main", range(1 + self.n_scales), masks, "scales", tuple(range(self.n_scales)))
        numbers = [table.numbers_of(name) for name in self.main_names]
        trees = tuple(place for place, of_mask in enumerate(numbers) if set(of_mask) <= set(table.vessels))
        masks = tuple(Members(of_mask) for of_mask in numbers)
        if self.asked == "classes":
            return Task("main", range(1 + len(masks)), masks, "classes", trees)
        return Task("main", range(len(masks)), masks, trees=trees)

    def _auxiliary(self) -> dict[str, Members]:
        """The auxiliary tasks by name."""
        if self.beside == "scales":
            return {scale_name(scale): of_scale(scale) for scale in self._scales}
        if self.beside == "class_scales":
            vessels = [(number, self.table.names[number - 1]) for number in self.table.vessels]
            return {
                f"{name}_{scale_name(scale)}": of_scale(scale, number)
                for number, name in vessels
                for scale in self._scales
            }
        return {}


def scale_name(scale: int) -> str:
    """What a scale is called, 1 (smallest vessels) … S."""
    return f"scale_{scale}"
