"""Processes that take trials from a study until it has its number."""

import contextlib
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection
from multiprocessing.process import BaseProcess
from pathlib import Path

import optuna
import torch
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from tqdm import tqdm

from ramify.console.signals import Stopped, stop_at_a_good_moment
from ramify.processes.child_process import how_it_ended, leave_interrupts_to_parent, start_child
from ramify.processes.environment import limited_to, thread_share
from ramify.training.worker_log import print_to
from ramify.tuning.interruption import Interruption
from ramify.tuning.objective import TrialFailed, run_trial
from ramify.tuning.search_space import SearchSpace
from ramify.tuning.settings import StudySettings
from ramify.tuning.storage import open_storage, taking_turns
from ramify.tuning.study import make_pruner, make_sampler
from ramify.tuning.trials import queue_again, release_abandoned, standing

LOOK_SECONDS = 0.5
"""How often the first process looks at its workers and at the study."""
DEATHS_IN_A_ROW = 3
"""So many deaths of workers, for each worker, without a trial that ended: it is no use to replace them any more."""

INTERRUPTED = 130
"""Exit code of a worker that was told to stop."""


def work(
    settings: StudySettings,
    space: SearchSpace,
    storage: RDBStorage,
    interruption: Interruption,
    earlier: Collection[int] = (),
) -> None:
    """Take one trial after another, until the study has its number and none of another worker could come back.

    Args:
        settings: of the study.
        space: what is searched.
        storage: where the study is.
        interruption: what may end the worker.
        earlier: trials that had ended when this call of the study began.
    """
    study = optuna.load_study(study_name=settings.study, storage=storage, pruner=make_pruner(settings))
    while True:
        interruption.check()
        with contextlib.ExitStack() as turn:
            turn.enter_context(taking_turns(storage, settings.study))
            release_abandoned(study, storage)
            now = standing(study)
            if now.hopeless(earlier):
                return
            if now.asks_for_a_worker(settings.trials):
                # Attempts that were taken up again are no draws: without an interruption they would not be there.
                study.sampler = make_sampler(settings, len(now.latest))
                _take_one(study, storage, settings, space, interruption, turn)
                if torch.cuda.is_available():
                    # What one training leaves on the GPU would be missing to another worker's.
                    gc.collect()
                    torch.cuda.empty_cache()
                continue
        if not now.in_state(TrialState.RUNNING):
            return
        # Its worker may yet die and leave the trial to this one.
        with interruption.at_once():
            time.sleep(min(settings.heartbeat_seconds, 5))


def _take_one(
    study: optuna.Study,
    storage: RDBStorage,
    settings: StudySettings,
    space: SearchSpace,
    interruption: Interruption,
    turn: contextlib.ExitStack,
) -> None:
    """Run one trial; the turn is given up as soon as the trial has its values."""
    taken: list[int] = []

    def objective(trial: optuna.Trial) -> list[float]:
        taken.append(trial.number)
        try:
            return run_trial(trial, settings, space, turn.close, interruption)
        except (KeyboardInterrupt, optuna.exceptions.StorageInternalError):
            # In here the trial still runs. Were it queued after Optuna has failed it, the workers of another machine
            # might look in between, find nothing that runs or waits, and leave.
            turn.close()
            with taking_turns(storage, settings.study):
                queue_again(study, trial.number)
            raise

    try:
        study.optimize(objective, n_trials=1, catch=(TrialFailed,))
    except (ValueError, AssertionError, optuna.exceptions.UpdateFinishedTrialError):
        # So Optuna refuses a result for a trial that others took for abandoned: it is theirs now.
        if not taken or not study.get_trials(deepcopy=False)[taken[0]].state.is_finished():
            raise


def run_workers(
    settings: StudySettings, space: SearchSpace, watch: Callable[[], int], earlier: Collection[int]
) -> None:
    """Run the study's workers on this machine, replace those that die, and return when all are done.

    Args:
        settings: of the study.
        space: what is searched.
        watch: called often; returns how many trials have ended.
        earlier: trials that had ended before.

    Raises:
        OSError: the workers die again and again without ending a trial.
        KeyboardInterrupt: this process was told to stop; the workers have queued their trials again.
    """
    crew: dict[int, BaseProcess] = {}
    deaths, ended = 0, watch()
    try:
        # Never in the middle of `watch`: an exception in a call to SQLite leaves the file locked, and the workers could
        # not queue their trials again.
        with stop_at_a_good_moment() as asked:
            for number in range(1, settings.workers + 1):
                crew[number] = _start(number, settings, space, earlier)
            while crew:
                time.sleep(LOOK_SECONDS)
                if name := asked():
                    raise Stopped(signal.Signals[name])
                if (now_ended := watch()) > ended:
                    deaths, ended = 0, now_ended
                for number, process in list(crew.items()):
                    if process.is_alive():
                        continue
                    del crew[number]
                    if process.exitcode != 0:
                        deaths += 1
                        _check_worth_replacing(deaths, settings, number, process)
                        crew[number] = _start(number, settings, space, earlier)
    finally:
        for process in crew.values():
            process.terminate()
        for process in crew.values():
            process.join()


def log_file(folder: Path, number: int) -> Path:
    """Where a worker writes what it would show."""
    return folder / "logs" / f"worker_{number}.log"


def _check_worth_replacing(deaths: int, settings: StudySettings, number: int, process: BaseProcess) -> None:
    how = how_it_ended(process.exitcode or 0)
    log = log_file(settings.folder, number)
    if deaths >= DEATHS_IN_A_ROW * settings.workers:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.exists() else []
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        raise OSError(f"{log}: {deaths} workers died without ending a trial, the last {how}; {last}")
    print(f"worker {number} {how}; another takes its place ({log})", file=sys.stderr, flush=True)


def _start(number: int, settings: StudySettings, space: SearchSpace, earlier: Collection[int]) -> BaseProcess:
    threads = thread_share(settings.workers)
    arguments = (number, settings, space, earlier, threads, os.getpid())
    # No daemon: those may not have loader processes of their own.
    return start_child(_enter, arguments, limited_to(threads), daemon=False)


def _enter(
    number: int, settings: StudySettings, space: SearchSpace, earlier: Collection[int], threads: int, parent: int
) -> None:
    """What a worker's process begins with."""
    leave_interrupts_to_parent()
    interruption = Interruption(parent)
    signal.signal(signal.SIGTERM, interruption.ask)
    print_to(log_file(settings.folder, number))
    # Its own lock is a semaphore of the system, which a killed worker would leave behind.
    tqdm.set_lock(threading.RLock())
    torch.set_num_threads(threads)
    if settings.device in ("auto", "cuda") and torch.cuda.is_available():
        torch.cuda.set_device((number - 1) % torch.cuda.device_count())
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    try:
        storage = open_storage(settings.storage_url, settings.heartbeat_seconds, settings.retries)
        work(settings, space, storage, interruption, earlier)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
