"""What a network is asked, as a user chooses it."""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator

from ramify.essential import Essential

Main = Literal["vessels", "classes", "regions", "scales"]
MAINS: tuple[Main, ...] = get_args(Main)
Auxiliary = Literal["scales", "class_scales", "none"]
AUXILIARIES: tuple[Auxiliary, ...] = get_args(Auxiliary)
AuxiliarySetting = Literal["auto", "scales", "class_scales", "none"]


def _of_earlier_files(given: object) -> object:
    """auto was written as null in the files of runs, whose checkpoints are read on."""
    return "auto" if given is None else given


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
    auxiliary: Essential[Annotated[AuxiliarySetting, BeforeValidator(_of_earlier_files)]] = "auto"
    """scales: the multi-scale network, which learns each scale of any vessel beside the main task, a sigmoid each, and
    takes 2 to 3 times as long a step with three scales (less with model.auxiliary_halvings, model.auxiliary_width or
    loss.in_turn). class_scales: each scale of each class. none: the plain
    network, the main task alone. auto takes scales, and none beside a main task of scales."""

    @property
    def has_scales_beside(self) -> bool:
        """Whether each scale of any vessel is an auxiliary task."""
        return self.auxiliary == "scales" or (self.auxiliary == "auto" and self.main != "scales")
