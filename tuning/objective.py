"""One trial: a training of each inner fold, scored by its last validation."""

import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import fmean

import optuna

from ramify.console.error_line import line_of, out_of_memory
from ramify.training.checkpoint import load_checkpoint
from ramify.training.ending import is_over
from ramify.training.loop import train_run
from ramify.training.run_folder import RunFolder
from ramify.training.tracking import Tracker
from ramify.tuning.interruption import Interruption
from ramify.tuning.search_space import SearchSpace, Value
from ramify.tuning.settings import StudySettings
from ramify.tuning.study import fold_settings, trial_folder
from ramify.tuning.trials import first_number

Measures = dict[str, float]
# What tells a worker that its trial, or the whole study, is no longer its own; never the trial's failure.
_NOT_A_FAILURE = (
    optuna.TrialPruned,
    optuna.exceptions.UpdateFinishedTrialError,
    optuna.exceptions.StorageInternalError,
)


class TrialFailed(Exception):
    """A trial ended without a score, for a reason that its attributes hold."""


class TrialRun:
    """One attempt at a trial.

    Args:
        trial: Optuna's.
        settings: of the study.
        values: of the searched settings.
        interruption: what may break the trial off, while it trains.
    """

    def __init__(
        self,
        trial: optuna.Trial,
        settings: StudySettings,
        values: Mapping[str, Value],
        interruption: Interruption,
    ) -> None:
        frozen = trial.study.get_trials(deepcopy=False)[trial.number]
        self.trial, self.settings, self.values = trial, settings, values
        self.number = first_number(frozen)
        self._reported = set(frozen.intermediate_values)
        self._interruption = interruption
        self._seconds_before = float(frozen.user_attrs.get("reached", {}).get("seconds", 0.0))
        self._began = time.monotonic()
        self._finished: list[Measures] = []
        self._latest: Measures = {}

    def score(self, space: SearchSpace) -> list[float]:
        """Train every inner fold, or go on with it, and return the mean of each measure that is maximised.

        Raises:
            TrialPruned: the pruner gave the trial up.
            ValueError, MemoryError, ...: the training diverged, its settings do not fit, or memory ran out.
        """
        for fold in range(self.settings.folds):
            self._finished.append(self._train_fold(space, fold))
        return [self._latest[measure] for measure in self.settings.measures]

    def log_hyperparameters(self) -> None:
        """The values beside the scores, for TensorBoard's HParams tab.

        Where they cannot be written, that is printed: the scores are the study's, and not to be lost for it.
        """
        folder = self.settings.folder / "tensorboard" / f"trial_{self.number:04d}"
        try:
            tracker = Tracker(folder, 0)
            tracker.hyperparameters(self.values, self._latest)
            tracker.close()
        except Exception as error:
            print(f"{folder}: nothing for TensorBoard: {error}", file=sys.stderr, flush=True)

    def _train_fold(self, space: SearchSpace, fold: int) -> Measures:
        run = fold_settings(self.settings, space.apply(self.settings.training, self.values), self.number, fold)
        folder = RunFolder(run.output / f"fold_{fold}")
        history = _history(folder)
        if history:
            self.trial.set_user_attr("resumed", {"fold": fold, "epoch": len(history)})
        for row in history:
            # What was trained before a kill but not yet reported; the pruner is not asked about the past.
            if (measures := _measures(row)) is not None:
                self._report(fold, int(row["epoch"]), measures)
        if not is_over(run, history):
            with self._interruption.at_once():
                train_run(run, lambda epoch, measures: self._after_validation(fold, epoch, measures))
            history = _history(folder)
        last = _measures(history[-1])
        assert last is not None, "the last epoch is always validated"
        return last

    def _after_validation(self, fold: int, epoch: int, measures: Mapping[str, float]) -> None:
        with self._interruption.not_now():
            is_new = self._report(fold, epoch, {"dice": measures["dice"], "cldice": measures["cldice"]})
            if is_new and self.trial.should_prune():
                raise optuna.TrialPruned(f"at fold {fold}, epoch {epoch}")

    def _report(self, fold: int, epoch: int, measures: Measures) -> bool:
        """Report the mean over the folds so far; False where nothing was reported."""
        so_far = [*self._finished, measures]
        self._latest = {measure: fmean(each[measure] for each in so_far) for measure in ("dice", "cldice")}
        seconds = round(self._seconds_before + time.monotonic() - self._began, 1)
        # Raises where another worker was given this trial, because this one gave no sign of life for too long.
        self.trial.set_user_attr("reached", {"fold": fold, "epoch": epoch, "seconds": seconds, **self._latest})
        step = fold * self.settings.train.epochs + epoch
        if len(self.settings.measures) > 1 or step in self._reported:
            return False
        self.trial.report(self._latest[self.settings.measures[0]], step)
        self._reported.add(step)
        return True


def run_trial(
    trial: optuna.Trial,
    settings: StudySettings,
    space: SearchSpace,
    begun: Callable[[], None],
    interruption: Interruption,
) -> list[float]:
    """Optuna's objective: the values to maximise.

    Args:
        trial: Optuna's.
        settings: of the study.
        space: what is searched.
        begun: called when the trial has its values, so that another worker may ask for its own.
        interruption: what may break the trial off, while it trains.

    Raises:
        TrialPruned: the pruner gave the trial up.
        TrialFailed: whatever else went wrong with the trial; its attributes hold the reason.
    """
    with _failing_with_its_reason(trial, settings):
        values = space.suggest(trial)
        trial.set_user_attr("worker", {"host": socket.gethostname(), "pid": os.getpid(), "attempt": trial.number})
        begun()
        run = TrialRun(trial, settings, values, interruption)
    try:
        with _failing_with_its_reason(trial, settings):
            scores = run.score(space)
    except (optuna.TrialPruned, TrialFailed):
        run.log_hyperparameters()
        raise
    run.log_hyperparameters()
    return scores


@contextlib.contextmanager
def _failing_with_its_reason(trial: optuna.Trial, settings: StudySettings) -> Iterator[None]:
    try:
        yield
    except _NOT_A_FAILURE:
        raise
    except Exception as error:
        number = first_number(trial.study.get_trials(deepcopy=False)[trial.number])
        reason = _reason(error, trial_folder(settings.folder, number))
        trial.set_user_attr("reason", reason)
        raise TrialFailed(reason) from error


def _reason(error: Exception, folder: Path) -> str:
    """Why a trial failed, in a line; without its own folder, so that other trials can fail for the same reason."""
    text = line_of(error).replace(f"{folder}{os.sep}", "")
    if out_of_memory(error):
        return f"out of memory: a smaller batch, patch or network would fit ({text})"
    return text if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: {text}"


def _history(folder: RunFolder) -> list[dict[str, float]]:
    """One row an epoch of a training, from its checkpoint: history.csv may be a kill behind."""
    latest = folder.checkpoint("latest")
    return list(load_checkpoint(latest).get("history", ())) if latest.exists() else []


def _measures(row: Mapping[str, float]) -> Measures | None:
    if "validation/dice" not in row:
        return None
    return {"dice": row["validation/dice"], "cldice": row["validation/cldice"]}
