"""What a training leaves as it goes: its settings, checkpoints and history first, and then what is shown of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType

from ramify.planning.choices import Choice
from ramify.training.checkpoint import load_checkpoint
from ramify.training.ending import is_over
from ramify.training.names import CheckpointName
from ramify.training.presentation import Presentation
from ramify.training.running_means import RunningMeans
from ramify.training.state import Training, save
from ramify.training.validation import ValidatedCase, case_rows

NONE: Mapping[str, ValidatedCase] = MappingProxyType({})
OnValidation = Callable[[int, Mapping[str, float]], None]
"""Called with (epoch, measures) after each validation; it may raise to stop the training."""


class Recorder:
    """Keeps and shows the epochs of a training, on every rank; only the first one writes.

    Args:
        training: which is recorded.
        presentation: what shows it; None on the other ranks.
        on_validation: told of each validation.
    """

    def __init__(
        self, training: Training, presentation: Presentation | None, on_validation: OnValidation | None
    ) -> None:
        self._training, self._presentation, self._on_validation = training, presentation, on_validation

    def keep(self, row: Mapping[str, float], cases: Mapping[str, ValidatedCase] = NONE) -> None:
        """Count the epoch at hand as finished: into the history, and into the checkpoints that are due.

        cases: of its validation, none without one.
        """
        training = self._training
        names = checkpoints_due(training, row)
        score = row.get(f"validation/{training.settings.validation.best_by}")
        if score is not None:
            training.best = max(training.best, score)

        training.history.append(dict(row))
        if cases:
            # An epoch that is the last one after all may be validated anew.
            others = [its for its in training.case_scores if its["epoch"] != training.epoch]
            training.case_scores = [*others, *case_rows(training.epoch, cases, training.runner.tasks.segmented)]
        training.epoch, training.step, training.means = training.epoch + 1, 0, RunningMeans()
        save(training, names)

    def show(
        self, row: Mapping[str, float], measures: Mapping[str, float], cases: Mapping[str, ValidatedCase] = NONE
    ) -> None:
        """Show an epoch that was kept; measures, cases: of its validation, none without one."""
        if self._presentation is not None:
            self._presentation.epoch(row, cases)
        if self._on_validation is not None and measures:
            self._on_validation(int(row["epoch"]), measures)

    def conclude(self, measures: Mapping[str, float]) -> None:
        """Show what is shown once, at the end; measures: of the last validation."""
        if self._presentation is not None:
            self._presentation.conclude(measures)


def checkpoints_due(training: Training, row: Mapping[str, float]) -> list[CheckpointName]:
    """Which checkpoints the epoch at hand is to be kept as, in the order in which they are written.

    row: its numbers; those of its validation, where it had one, decide on `best`.
    """
    names: list[CheckpointName] = []
    score = row.get(f"validation/{training.settings.validation.best_by}")
    if score is not None and score > training.best:
        names.append("best")
    if is_over(training.settings, [*training.history, row]):
        names.append("final")
    # `latest` comes last: a kill in between makes the resumed training write the others once more.
    return [*names, "latest"]


def is_finished(training: Training) -> bool:
    """Whether nothing is left to train, and `final` is of the last epoch: a training that was prolonged had one."""
    final = training.folder.checkpoint("final")
    if not is_over(training.settings, training.history) or not final.exists():
        return False
    try:
        return bool(load_checkpoint(final)["epoch"] == training.epoch)
    except ValueError:
        return False  # damaged, and soon written anew


@contextmanager
def recorded(
    training: Training, on_validation: OnValidation | None, *, begins: bool, choices: Sequence[Choice] = ()
) -> Iterator[Recorder]:
    """Record a training for as long as the context lasts.

    begins: whether it starts here rather than going on. choices: what was chosen automatically.
    """
    if not training.ranks.writes:
        yield Recorder(training, None, on_validation)
        return

    training.folder.write_config(training.settings)
    if begins:
        training.folder.write_description(training.settings, training.description, training.start)
        training.folder.write_plan(choices)
    presentation = Presentation(training, begins=begins)
    try:
        yield Recorder(training, presentation, on_validation)
    finally:
        presentation.close()
