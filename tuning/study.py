"""A study: opened or made, and refused where it is another one than asked for."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage

from ramify.data.case_record import digest_of
from ramify.data.case_store import read_case
from ramify.data.folds import Fold, load_fold, make_folds, patients_of
from ramify.data.random_streams import Purpose, derived_seed
from ramify.disk.json_files import write_json
from ramify.training.same_cases import identities_of
from ramify.training.settings import FREE_SETTINGS, RunSettings
from ramify.tuning.dotted_keys import flat
from ramify.tuning.search_space import SearchSpace
from ramify.tuning.settings import StudySettings
from ramify.tuning.storage import taking_turns
from ramify.tuning.storage_url import shown

DEFINITION = "ramify"
"""The attribute of a study that says what it is a study of."""


def make_inner_folds(settings: StudySettings) -> list[Fold]:
    """Folds of the outer fold's training cases alone, by patient; its validation cases are in none of them.

    Raises ValueError as load_fold, or for more inner folds than patients.
    """
    outer = load_fold(settings.cases, settings.splits, settings.fold, settings.fold_count)
    patient_of = patients_of(settings.cases)
    return make_folds({case_id: patient_of[case_id] for case_id in outer["train"]}, settings.folds, settings.seed)


def inner_splits(folder: Path) -> Path:
    """The file of a study's inner folds, in nnU-Net's form."""
    return folder / "inner_splits.json"


def open_study(
    settings: StudySettings, space: SearchSpace, inner_folds: list[Fold], storage: RDBStorage
) -> optuna.Study:
    """The study of that name, made where there is none; its inner folds are written into its folder.

    Raises:
        ValueError: a study of this name differs in its space, configuration, objective or folds; the line says in
            what. Or its folder holds trials of another one.
        OSError: the folder cannot be written.
    """
    wanted = definition(settings, space, inner_folds)
    with taking_turns(storage, settings.study):
        study = optuna.create_study(
            study_name=settings.study,
            storage=storage,
            directions=["maximize"] * len(settings.measures),
            pruner=make_pruner(settings),
            load_if_exists=True,
        )
        found = study.user_attrs.get(DEFINITION)
        if found is None:
            _check_unused(study, settings)
            study.set_user_attr(DEFINITION, wanted)
        elif difference := first_difference(found, wanted):
            raise ValueError(
                f"study {settings.study} in {shown(settings.storage_url)} has another {difference}; "
                "choose another --study name, or give what it was made with"
            )
        baseline = space.baseline(settings.training) if settings.baseline else None
        # Not only into a study that was made just now: who made it may have been killed before it came to this.
        if baseline is not None and not study.get_trials(deepcopy=False):
            study.enqueue_trial(baseline)
    write_json(inner_splits(settings.folder), inner_folds)
    return study


def _check_unused(study: optuna.Study, settings: StudySettings) -> None:
    where = shown(settings.storage_url)
    if study.get_trials(deepcopy=False):
        raise ValueError(f"study {settings.study} in {where} was not made by tune.py; choose another --study name")
    if (settings.folder / "trials").exists():
        raise ValueError(
            f"{settings.folder}: holds trials of a study that {where} does not know; move it, or choose another --study"
        )


def definition(settings: StudySettings, space: SearchSpace, inner_folds: list[Fold]) -> dict[str, Any]:
    """Everything that the scores of a study's trials depend on, as plain data."""
    cases = {case_id: read_case(settings.cases, case_id) for part in inner_folds[0].values() for case_id in part}
    config = {
        key: value for key, value in flat(settings.training.model_dump(mode="json")).items() if key not in FREE_SETTINGS
    }
    content = {
        "objective": settings.objective,
        "search space": {key: json.dumps(its) for key, its in space.plain().items()},
        "configuration": config,
        "inner folds": {str(number): fold for number, fold in enumerate(inner_folds)},
        "preparation": {case_id: digest_of(identity) for case_id, identity in identities_of(cases).items()},
    }
    plain: dict[str, Any] = json.loads(json.dumps(content))
    return plain


def first_difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """What differs first between two definitions, in words; None where nothing does."""
    for part, now in wanted.items():
        before = found.get(part)
        # A study of an earlier version knows nothing of how its cases were prepared.
        if before == now or (before is None and part == "preparation"):
            continue
        if not isinstance(before, dict) or not isinstance(now, dict):
            return f"{part} (it was {before}, now {now})"
        key = next(key for key in [*now, *before] if before.get(key) != now.get(key))
        was, is_now = before.get(key, "not there"), now.get(key, "not there")
        if part in ("inner folds", "preparation"):
            return f"{part} ({'fold' if part == 'inner folds' else 'case'} {key} differs)"
        return f"{part}: {key} was {was}, now {is_now}"
    return None


def make_pruner(settings: StudySettings) -> BasePruner:
    """What stops trials early; steps are epochs, counted on over the inner folds."""
    unjudged = max(1, settings.train.epochs // 3)
    if settings.pruner == "none" or len(settings.measures) > 1:
        return NopPruner()
    if settings.pruner == "hyperband":
        return HyperbandPruner(min_resource=unjudged, max_resource=settings.steps)
    return MedianPruner(n_startup_trials=5, n_warmup_steps=unjudged)


def make_sampler(settings: StudySettings, number: int) -> TPESampler:
    """TPE for the trial with this number.

    Its draws come from (seed, number): no two workers on any machine draw alike, and a study that was interrupted goes
    on as if it had not been. One seed for a whole study would draw its first trials again after each start.
    """
    seed = derived_seed(settings.seed, Purpose.TRIAL, number)
    return TPESampler(seed=seed, n_startup_trials=settings.random_trials)


def trial_folder(folder: Path, number: int) -> Path:
    """Folder of a trial's trainings."""
    return folder / "trials" / f"trial_{number:04d}"


def fold_settings(settings: StudySettings, config: RunSettings, number: int, fold: int) -> RunSettings:
    """The training of one inner fold of a trial."""
    return config.model_copy(
        update={
            "output": trial_folder(settings.folder, number),
            "splits": inner_splits(settings.folder),
            "fold": fold,
            # A trial that was interrupted goes on from its checkpoint.
            "resume": True,
        }
    )
