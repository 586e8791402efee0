"""What a user sees of a study while it runs: a line a trial, and a bar with the best so far and the time left."""

import optuna
from optuna.trial import FrozenTrial, TrialState

from ramify.console.progress import progress, say
from ramify.tuning.settings import StudySettings
from ramify.tuning.trials import Standing, failure, standing


class Progress:
    """Follows a study; a context manager.

    Args:
        study: to follow; trials that have ended already are not told again.
        settings: of the study.
    """

    def __init__(self, study: optuna.Study, settings: StudySettings) -> None:
        self._study, self._settings = study, settings
        self._told = set(standing(study).ended)
        # The time left comes from the mean of all trials: the last one may have been pruned early.
        total, done = max(settings.trials, len(self._told)), len(self._told)
        self._bar = progress(f"study {settings.study}", total, "trial", done, from_all=True)
        self._show_best(standing(study))

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def update(self) -> list[int]:
        """Tell of the trials that have ended since; returns them."""
        now = standing(self._study)
        new = [number for number in now.ended if number not in self._told]
        for number in new:
            say(f"trial {number}: {outcome(now.latest[number], self._settings)}")
        self._told.update(new)
        if new:
            self._show_best(now)
            self._bar.update(len(new))
        return new

    @property
    def ended(self) -> int:
        """How many trials have ended."""
        return len(self._told)

    def _show_best(self, now: Standing) -> None:
        best = best_trial(now, self._settings)
        if best is not None:
            self._bar.set_postfix_str(f"best {scores(now.latest[best], self._settings)} (trial {best})", refresh=False)


def scores(trial: FrozenTrial, settings: StudySettings) -> str:
    """The scores of a completed trial."""
    return ", ".join(f"{measure} {value:.4f}" for measure, value in zip(settings.measures, trial.values))


def outcome(trial: FrozenTrial, settings: StudySettings) -> str:
    """How a trial ended."""
    if trial.state is TrialState.COMPLETE:
        return scores(trial, settings)
    if trial.state is TrialState.PRUNED:
        reached = trial.user_attrs.get("reached", {})
        return f"pruned at fold {reached.get('fold')}, epoch {reached.get('epoch')}"
    return f"failed: {failure(trial)}"


def best_trial(now: Standing, settings: StudySettings) -> int | None:
    """The completed trial with the best score, the first of several; of two objectives, with the best mean of both."""
    completed = now.in_state(TrialState.COMPLETE)
    return max(completed, key=lambda number: (sum(now.latest[number].values), -number), default=None)
