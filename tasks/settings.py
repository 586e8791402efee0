"""What a network is asked, as a user chooses it."""

from typing import Literal, get_args

from pydantic import BaseModel

from ramify.essential import Essential

Main = Literal["vessels", "classes", "regions", "scales"]
MAINS: tuple[Main, ...] = get_args(Main)
Auxiliary = Literal["scales", "class_scales", "none"]
AUXILIARIES: tuple[Auxiliary, ...] = get_args(Auxiliary)


class TaskSettings(BaseModel, frozen=True, extra="forbid"):
    """The main task, which a network is for, and what it learns beside it.

    Examples:
        >>> from ramify.tasks import TaskSettings
        >>> TaskSettings().has_scales_beside, TaskSettings(main="scales").has_scales_beside
        (True, False)
    """

    main: Essential[Main | None] = None
    """vessels: every vessel, a sigmoid. classes: background or one of the classes, a softmax. regions: each region, a
    sigmoid each. scales: background or one of the scales, a softmax. None takes what the labels have: regions
    where they tell all classes apart, else classes where there are several, else vessels."""
    auxiliary: Auxiliary | None = None
    """scales: each scale, of any vessel, a sigmoid each. class_scales: each scale of each class. none: the main task
    alone. None takes scales, and none beside a main task of scales."""

    @property
    def has_scales_beside(self) -> bool:
        """Whether each scale of any vessel is an auxiliary task."""
        return self.auxiliary == "scales" or (self.auxiliary is None and self.main != "scales")
