"""Which classes and regions the predictions of a run are scored in, by the numbers of the truth's class map."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ramify.metrics.case import CaseScores, evaluate_case
from ramify.metrics.class_scores import evaluate_classes
from ramify.metrics.classes import MERGED, ClassSet, LabelClass
from ramify.metrics.settings import EvaluationSettings
from ramify.tasks.class_table import IGNORED, SINGLE, ClassTable, LabelledClass
from ramify.tasks.formulation import Tasks
from ramify.tasks.settings import TaskSettings


@dataclass(frozen=True)
class ScoredClasses:
    """What is measured of a run's predictions.

    chosen: the classes and regions, by their values in the predictions; no class where the truth has vessels alone.
    written: what stands in a prediction for each class number of the truth; IGNORED stands for nothing.
    told_apart: whether predictions are label maps, and not masks of all vessels.
    all_vessels: the class or region of all vessels; empty where they are all there is. table: of the truth's labels.
    """

    chosen: ClassSet
    written: tuple[int, ...] = (0, 1)
    told_apart: bool = False
    all_vessels: str = ""
    table: ClassTable = SINGLE

    @property
    def names(self) -> tuple[str, ...]:
        """Of all classes and regions that have scores of their own."""
        return tuple(one.name for one in self.chosen.measured)

    @property
    def settings(self) -> dict[str, dict[str, list[int]]]:
        """What a report says of them beside the settings of the evaluation; nothing of vessels alone."""
        parts = {"classes": self.chosen.classes, "regions": self.chosen.regions} if self.chosen.classes else {}
        return {key: {one.name: list(one.labels) for one in its} for key, its in parts.items()}

    def as_written(self, class_map: NDArray[np.integer]) -> NDArray[np.int32]:
        """A class map (*S) in the values that predictions have, 0 where nobody knows."""
        values = np.zeros(IGNORED + 1, np.int32)
        values[: len(self.written)] = self.written
        written: NDArray[np.int32] = values[class_map]
        return written

    def score(
        self,
        prediction: NDArray[np.generic],
        truth: NDArray[np.generic],
        spacing_mm: tuple[float, ...],
        settings: EvaluationSettings,
        region: NDArray[np.bool_] | None,
    ) -> CaseScores | dict[str, CaseScores]:
        """The scores of a case, of classes those of each: as `metrics.table.build_report` takes them.

        prediction, truth: bool (*S), or where there are classes whole numbers as written.
        """
        if not self.chosen.classes:
            return evaluate_case(prediction.astype(bool), truth.astype(bool), spacing_mm, settings, region)
        maps = prediction.astype(np.int32), truth.astype(np.int32)
        return evaluate_classes(*maps, spacing_mm, self.chosen.measured, settings, region)


VESSELS_ALONE = ScoredClasses(ClassSet())


def scored_classes(asked: TaskSettings, own: ClassTable, truth: ClassTable) -> ScoredClasses:
    """What is measured of a network's predictions.

    A network that tells the classes of the truth apart, or its regions, is scored in each, as evaluate.py does by
    --classes-of; any other in all vessels together, as the one class of that name.

    Args:
        asked: the tasks of the network. own: the classes of the cases it is trained on. truth: those of the labels that
            predictions are compared with.

    Raises ValueError for a task that the training's cases do not have.

    Examples:
        >>> from ramify.experiments.scored_classes import scored_classes
        >>> from ramify.tasks import ClassTable, TaskSettings
        >>> table = ClassTable.model_validate({"classes": {"portal": 40, "hepatic": 15}})
        >>> scored_classes(TaskSettings(), table, table).names
        ('portal', 'hepatic', 'any_vessel')
        >>> scored_classes(TaskSettings(main="vessels"), table, table).names
        ('any_vessel',)
    """
    # How many scales there are makes no difference.
    apart = Tasks.of(asked, 1, own).tells_apart
    if len(truth.names) == 1:
        return VESSELS_ALONE
    return _in_classes(truth) if apart and own == truth else _in_vessels(truth)


def _in_classes(truth: ClassTable) -> ScoredClasses:
    """Each class and region by itself."""
    written = truth.written_values()
    # Some have a name in place of a value, or several values: a prediction has one of each.
    classes = {
        name: LabelledClass(values=(value,), role=truth.classes[name].role)
        for name, value in zip(truth.names, written[1:], strict=True)
    }
    table = ClassTable(classes=classes, regions=truth.regions)
    return ScoredClasses(ClassSet.of_table(table), written, True, _all_vessels(truth), truth)


def _in_vessels(truth: ClassTable) -> ScoredClasses:
    """All vessels together, which are 1."""
    written = tuple(int(number in truth.vessels) for number in range(1 + len(truth.names)))
    name = _all_vessels(truth)
    return ScoredClasses(ClassSet((LabelClass(name, (1,)),)), written, all_vessels=name, table=truth)


def _all_vessels(truth: ClassTable) -> str:
    """What all vessels together are called: the one class of vessels, or MERGED."""
    return MERGED if len(truth.vessels) > 1 else truth.names[truth.vessels[0] - 1]
