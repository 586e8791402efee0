"""What a training shows and does not need: TensorBoard, pictures, embeddings. None of it can cost the training."""

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from ramify.console.progress import say
from ramify.data.case_store import read_case
from ramify.training.collapse import collapse_of, idle_of
from ramify.training.ending import is_over
from ramify.training.figures import rows_of, task_panels
from ramify.training.gradient_figure import gradient_courses
from ramify.training.progress_figure import progress_figure
from ramify.training.runner import projections_of, view_of
from ramify.training.state import Training
from ramify.training.tracking import Tracker
from ramify.training.validation import ValidatedCase
from ramify.training.validation_masks import write_validation_masks

DRAW_SECONDS = 60.0
"""Least time between two drawings of the course; the last one is of the whole, whenever that was."""


class Presentation:
    """The training as it is watched, by the one rank that writes.

    Whatever fails here (a full disk, no memory for a picture, a case too small for an embedding) is a line on the
    screen, one a kind, and the training goes on.

    Args:
        training: which is shown.
        begins: whether it starts here rather than going on.
    """

    def __init__(self, training: Training, *, begins: bool) -> None:
        self._training = training
        self._failed: set[str] = set()
        self._tracker: Tracker | None = None
        self._drawn = -math.inf
        self._timing: list[Mapping[str, object]] = []
        if not begins:
            with self._shown("timing.csv of the epochs before"):
                self._timing = [*training.folder.read_timing(training.epoch)]
        with self._shown("TensorBoard"):
            self._tracker = Tracker(training.folder.tensorboard, training.epoch)
            if begins:
                self._tracker.config(training.settings.model_dump(mode="json"))

    def epoch(self, row: Mapping[str, float], cases: Mapping[str, ValidatedCase]) -> None:
        """The numbers of a finished epoch, and after a validation those of its cases, and what there is to see."""
        training, number = self._training, int(row["epoch"])
        with self._shown("history.csv"):
            training.folder.write_history(training.history)
        with self._shown("timing.csv"):
            self._timing = [*(its for its in self._timing if float(str(its["epoch"])) < number)]
            self._timing.append({"epoch": float(number), **training.timing.row()})
            training.folder.write_timing(self._timing)
        if cases:
            self._validation(cases)
        self._tell_of_contrast(row)
        if self._tracker is None:
            return
        with self._shown("numbers in TensorBoard"):
            self._tracker.scalars({name: value for name, value in row.items() if name != "epoch"}, number)
        if cases and self._pictures_are_due(number):
            with self._shown("pictures of a validation case"):
                view = view_of(training.runner, read_case(training.settings.cases, training.validation_cases[0]))
                rows = rows_of(training.runner.tasks)
                image = view.case.arrays["image"][0]
                panels = task_panels(image, view.truth, view.probabilities, view.spacing_mm, rows)
                self._tracker.picture(f"validation/{view.case.case_id}", panels, number)
                self._tracker.precision_recall(view.truth[0], view.probabilities[0], number)

    def _pictures_are_due(self, epoch: int) -> bool:
        """Whether a validated epoch is the first one since pictures were due, or the last of all."""
        settings, validation = self._training.settings, self._training.settings.validation
        return is_over(settings, self._training.history) or (epoch + 1) % validation.figures_every < validation.every

    def _validation(self, cases: Mapping[str, ValidatedCase]) -> None:
        """The scores of a validation's cases, the course so far, and the masks if they are asked for."""
        training = self._training
        with self._shown("validation.csv"):
            training.folder.write_case_scores(training.case_scores, training.runner.tasks.segmented)
        if time.monotonic() - self._drawn >= DRAW_SECONDS and not is_over(training.settings, training.history):
            self._draw_progress()
        if training.settings.validation.masks:
            with self._shown("masks of the validation"):
                write_validation_masks(training, cases)

    def _draw_progress(self) -> None:
        training = self._training
        with self._shown("progress.png"):
            picture = progress_figure(training.history, training.settings.validation.best_by)
            if picture is not None:
                training.folder.write_progress(picture)
        self._drawn = time.monotonic()

    def _tell_of_contrast(self, row: Mapping[str, float]) -> None:
        """A line where the contrast was idle or constant in this epoch, unless it had been so in one before."""
        training = self._training
        constant = partial(collapse_of, head=training.settings.model.contrast.head)
        for sign in (idle_of, constant):
            if (line := sign(row)) and not any(sign(before) for before in training.history[:-1]):
                say(f"warning: {training.folder.root}: epoch {row['epoch']:.0f}: {line}", error=True)

    def conclude(self, measures: Mapping[str, float]) -> None:
        """What is shown once, at the end."""
        training, last = self._training, self._training.epoch - 1
        self._draw_progress()
        with self._shown("course of the gradients"):
            if (courses := gradient_courses(training.history)) is not None:
                training.folder.write_gradients(courses)
                if self._tracker:
                    self._tracker.figure("gradients", courses, last)
        if self._tracker is None:
            return
        with self._shown("settings in TensorBoard"):
            self._tracker.hyperparameters(training.settings.model_dump(mode="json"), measures)
        with self._shown("embeddings"):
            if (contrast := training.loss.contrast) is not None:
                case = read_case(training.settings.cases, training.validation_cases[0])
                points, labels = contrast.positions(*projections_of(training.runner, case))
                if len(labels):
                    self._tracker.embeddings(points, labels, contrast.n_scales, last)

    def close(self) -> None:
        """Write what is pending."""
        if self._tracker is not None:
            with self._shown("end of TensorBoard's events"):
                self._tracker.close()

    @contextmanager
    def _shown(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if what not in self._failed:
                self._failed.add(what)
                first_line = (str(error) or type(error).__name__).splitlines()[0]
                root = self._training.folder.root
                say(f"warning: {root}: {what} not written, the training goes on: {first_line}", error=True)
