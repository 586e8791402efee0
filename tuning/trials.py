"""The trials of a study as its user counts them: a trial whose worker died and that was taken up again is one trial."""

import warnings
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

SAME_FAILURES = 3
"""So many trials that fail for the same reason, and no other trial since, end a study."""


def first_number(trial: FrozenTrial) -> int:
    """Number of the trial's first attempt, which names it and its folder."""
    return int(trial.system_attrs.get("failed_trial", trial.number))


def latest_attempts(trials: Iterable[FrozenTrial]) -> dict[int, FrozenTrial]:
    """The latest attempt of every trial by the number of its first one, in order."""
    latest: dict[int, FrozenTrial] = {}
    for trial in sorted(trials, key=lambda trial: trial.number):
        latest[first_number(trial)] = trial
    return dict(sorted(latest.items()))


@dataclass(frozen=True)
class Standing:
    """How far a study is."""

    attempts: tuple[FrozenTrial, ...]
    """Every attempt, in the order they were made: Optuna's trials."""

    @cached_property
    def latest(self) -> dict[int, FrozenTrial]:
        """The latest attempt of each trial, by the trial's number."""
        return latest_attempts(self.attempts)

    @property
    def ended(self) -> list[int]:
        """Trials that are completed, pruned or failed for good, in the order they ended."""
        done = [number for number, trial in self.latest.items() if trial.state.is_finished()]
        return sorted(done, key=lambda number: self.latest[number].datetime_complete or datetime.max)

    def in_state(self, state: TrialState) -> list[int]:
        """Trials whose latest attempt is in this state."""
        return [number for number, trial in self.latest.items() if trial.state is state]

    def asks_for_a_worker(self, wanted: int) -> bool:
        """Whether there is a trial to begin, or one to take up again."""
        return bool(self.in_state(TrialState.WAITING)) or len(self.latest) < wanted

    def hopeless(self, earlier: Collection[int] = ()) -> str | None:
        """Why the last trials failed, if they did all for the same reason; such a study is not worth going on with.

        earlier: trials that ended before; what made them fail may have been put right since.
        """
        last = [self.latest[number] for number in self.ended if number not in earlier][-SAME_FAILURES:]
        reasons = {failure(trial) for trial in last}
        return reasons.pop() if len(last) == SAME_FAILURES and len(reasons) == 1 else None


def is_latest(study: optuna.Study, attempt: FrozenTrial) -> bool:
    """Whether its trial was not taken up or queued again since."""
    return standing(study).latest[first_number(attempt)].number == attempt.number


def standing(study: optuna.Study) -> Standing:
    """How far a study is now."""
    return Standing(tuple(study.get_trials(deepcopy=False)))


def failure(trial: FrozenTrial) -> str | None:
    """Why a trial failed; None for one that did not."""
    if trial.state is not TrialState.FAIL:
        return None
    attempts = len(trial.system_attrs.get("retry_history", ())) + 1
    return trial.user_attrs.get("reason") or f"its worker died, {attempts} times in all"


def release_abandoned(study: optuna.Study, storage: RDBStorage) -> None:
    """Fail the trials of dead workers, and queue them again; to be called in one's turn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        # A worker that died before its first heartbeat: nothing in the database tells of its death but the time.
        silent = trial.user_attrs.get("worker", {}).get("attempt") != trial.number
        grace = timedelta(seconds=storage.grace_period or 0)
        if silent and trial.datetime_start and datetime.now() - trial.datetime_start > grace:
            study.tell(trial.number, state=TrialState.FAIL)
            if storage.heartbeat_stale_trial_callback:
                storage.heartbeat_stale_trial_callback(study, study.get_trials()[trial.number])


def queue_again(study: optuna.Study, number: int) -> None:
    """Queue an interrupted attempt again, which is failed or about to be; no death of its worker is counted."""
    trial = study.get_trials()[number]
    if trial.state not in (TrialState.RUNNING, TrialState.FAIL) or not is_latest(study, trial):
        return
    study.add_trial(
        optuna.create_trial(
            state=TrialState.WAITING,
            params=trial.params,
            distributions=trial.distributions,
            user_attrs=trial.user_attrs,
            system_attrs={**trial.system_attrs, "failed_trial": first_number(trial)},
            intermediate_values=trial.intermediate_values,
        )
    )
