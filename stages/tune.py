"""A study: trainings that differ in what is searched, and the best of them."""

import sys
from collections.abc import Collection

import optuna

from ramify.command_line.called import called
from ramify.command_line.yaml_settings import read_yaml
from ramify.console.signals import saying_what_is_kept
from ramify.data.folds import keep_splits
from ramify.disk.outputs import Outputs
from ramify.tuning.figures import figure_files, write_figures
from ramify.tuning.progress import Progress
from ramify.tuning.results import RESULTS, write_results
from ramify.tuning.search_space import build_space
from ramify.tuning.settings import StudySettings
from ramify.tuning.storage import open_storage, told_in_a_line
from ramify.tuning.study import make_inner_folds, open_study
from ramify.tuning.trials import Standing, failure, standing
from ramify.tuning.workers import run_workers


def tune(settings: StudySettings) -> None:
    """Search, or go on, and write what was found."""
    space = build_space(read_yaml(settings.space), settings.training, str(settings.space))
    inner_folds = make_inner_folds(settings)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # Not kept to one process: a study may have any number of them.
    with (
        saying_what_is_kept(lambda: f"study {settings.study}: no trial was begun; the same command begins them"),
        Outputs(settings.cases, settings.splits, replace=settings.replace) as outputs,
        told_in_a_line(settings.storage_url),
    ):
        outputs.claim_folder(settings.folder, "study", ("inner_splits.json", *RESULTS, *figure_files(settings)))
        storage = open_storage(settings.storage_url, settings.heartbeat_seconds, settings.retries)
        study = open_study(settings, space, inner_folds, storage)
        cases = sorted({case_id for fold in inner_folds for case_id in fold["val"]})
        print(f"study {settings.study}: {settings.folds} inner folds of {len(cases)} cases, in {settings.folder}")
        if settings.splits is None and settings.fold != "all":
            keep_splits(settings.cases, settings.fold_count)
        earlier = standing(study).ended
        with Progress(study, settings) as progress, saying_what_is_kept(lambda: kept(settings, progress.ended)):

            def watch() -> int:
                if progress.update():
                    write_results(study, settings, space)
                return progress.ended

            run_workers(settings, space, watch, earlier)
            watch()
        with saying_what_is_kept(
            lambda: f"all trials have ended; the same command writes what is missing in {settings.folder}"
        ):
            best = write_results(study, settings, space)
            figures = write_figures(study, settings, space)
        conclude(settings, standing(study), earlier, best is not None, bool(figures))


def kept(settings: StudySettings, ended: int) -> str:
    """What an interruption leaves of a study whose trials were running, in words."""
    return (
        f"study {settings.study}: {ended} of {settings.trials} trials have ended, those that were running are queued; "
        "the same command goes on"
    )


def conclude(settings: StudySettings, now: Standing, earlier: Collection[int], found: bool, drawn: bool) -> None:
    """Say what the study left, or why it was given up."""
    given_up = now.hopeless(earlier) if len(now.ended) < settings.trials else None
    if not found:
        reason = given_up or (failure(now.latest[now.ended[-1]]) or "all were pruned" if now.ended else "none ended")
        raise ValueError(f"study {settings.study}: none of {len(now.ended)} trials was completed ({reason})")
    print(f"best:        {' '.join(called('train'))} --config {settings.folder / 'best.yaml'}")
    print(f"trials:      {settings.folder / 'trials.csv'}")
    if drawn:
        print(f"figures:     {settings.folder / 'figures'}")
    print(f"TensorBoard: tensorboard --logdir {settings.folder / 'tensorboard'}")
    if given_up:
        print(f"given up after {len(now.ended)} trials: the last ones all failed: {given_up}", file=sys.stderr)
