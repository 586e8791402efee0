"""What a training tells while it goes: how far it is, and what it takes as soon as that is known."""

from collections.abc import Callable, Mapping, Sequence

from ramify.console.progress import Progress, duration, postfix, progress, silent
from ramify.data.loading import TrainingBatches
from ramify.planning.choices import Choice, lines_of
from ramify.training.plan import counted, plan_of, validations_left
from ramify.training.state import Training
from ramify.training.timing import Timing

Tell = Callable[[str], None]
"""Told a line at a time what a training is going to be, and what it takes."""


class Course:
    """The course of a training, of which one of several processes that train together tells.

    What a step takes is told by the training's own first steps rather than by others before them: those would have to
    put weights, optimiser, statistics and random numbers back, would wait for the same batches twice, and be no truer.
    `dry_run` measures, for who wants to know before.

    Args:
        training: that is told of.
        batches: its batches.
        tell: gets the lines; None tells nothing but the progress.
    """

    def __init__(self, training: Training, batches: TrainingBatches, tell: Tell | None) -> None:
        self._training, self._batches = training, batches
        self._tell = tell if training.ranks.writes else None
        self._told_steps = self._told_validation = False
        self._values: dict[str, float] = {}
        self._bar: Progress = silent()

    def plan(self, choices: Sequence[Choice] = ()) -> None:
        """Tell what the training is going to be; choices: what of it was chosen automatically."""
        if self._tell:
            for line in [*plan_of(self._training, self._batches), *lines_of(choices)]:
                self._tell(line)

    def __enter__(self) -> "Course":
        training, steps = self._training, len(self._batches)
        if training.ranks.writes:
            done = training.epoch * steps + training.step
            self._bar = progress("train", training.settings.train.epochs * steps, "step", done)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def begin_epoch(self) -> None:
        """An epoch begins, or goes on."""
        self._show("")
        self._training.timing.begin_epoch()

    def step_done(self) -> None:
        """A step is done."""
        self._training.timing.step_done()
        self._bar.update()
        if not self._told_steps and self._training.timing.step_seconds is not None:
            self._told_steps = True
            self.tell_steps()

    def case_validated(self, done: int) -> None:
        """So many cases of a validation are done."""
        self._show(f", validating: {done} of {len(self._training.validation_cases)} cases")

    def end_epoch(self, row: Mapping[str, float], measures: Mapping[str, float]) -> None:
        """An epoch is over, with this row of the history; measures: of its validation, none without one."""
        # Those of single classes are for the history.
        told = {name: value for name, value in measures.items() if "/" not in name}
        self._values |= {"loss": row["loss/total"], **told}
        self._show("")
        known = self._training.timing.step_seconds is not None
        if measures and known and self._steps_left() and not self._told_validation:
            self._told_validation = True
            self.tell_validation()

    def tell_steps(self) -> None:
        """Tell what a step takes, and all that are left."""
        timing, seconds = self._training.timing, self._training.timing.step_seconds
        if self._tell is None or seconds is None:
            return
        left = _precise(seconds * self._steps_left())
        self._tell(f"a step:      {_precise(seconds)}{_memory(timing)}; all that are left: {left}, validations aside")

    def tell_validation(self, seconds: float | None = None) -> None:
        """Tell what a validation takes, and all that is left of the training.

        seconds: of a whole validation; those of the latest one by default.
        """
        training, timing = self._training, self._training.timing
        seconds = timing.validation_seconds if seconds is None else seconds
        if self._tell is None or seconds is None or timing.step_seconds is None:
            return
        left = timing.step_seconds * self._steps_left()
        left += seconds * validations_left(training.settings, training.epoch)
        cases = counted(len(training.validation_cases), "case")
        took = f"{_precise(seconds)} for {cases}{_memory(timing)}"
        self._tell(f"validating:  {took}; all that is left: {_precise(left)}")

    def _steps_left(self) -> int:
        training, steps = self._training, len(self._batches)
        return (training.settings.train.epochs - training.epoch) * steps - training.step

    def _show(self, doing: str) -> None:
        training = self._training
        epochs = training.settings.train.epochs
        at = f"epoch {min(training.epoch + 1, epochs)} of {epochs}{doing}"
        self._bar.set_postfix_str(", ".join([at, postfix(self._values)] if self._values else [at]))


def _memory(timing: Timing) -> str:
    peak = timing.peak()
    return f", {peak[1] / 1e9:.1f} GB of {peak[0]} memory at most" if peak else ""


def _precise(seconds: float) -> str:
    """Seconds in words, of less than ten with three digits."""
    return f"{seconds:.3g} s" if seconds < 10 else duration(seconds)
