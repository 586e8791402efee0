"""What must fit together before anything is computed."""

from collections.abc import Mapping
from pathlib import Path

from ramify.data.case_store import count_scales, open_store, read_record
from ramify.data.folds import (
    SPLITS_FILE,
    FoldSettings,
    check_splits,
    held_out_set,
    load_fold,
    patients_of,
    scored_cases,
)
from ramify.disk.json_files import read_json
from ramify.experiments.further_measures import further_measures
from ramify.experiments.scored_classes import ScoredClasses
from ramify.experiments.settings import ExperimentSettings
from ramify.training.network_fit import check_network
from ramify.training.probe import check_probe
from ramify.training.settings import RunSettings


def check_scales(variant: str, training: RunSettings, n_scales: int) -> None:
    """Refuse weights of scales that do not fit their number; raises ValueError that names the variant."""
    if training.model.tasks.auxiliary != "none" and training.model.tasks.main != "scales":
        try:
            training.loss.scale_weights(n_scales)
        except ValueError as error:
            raise ValueError(f"variant {variant}, train: loss.{error}") from None


def check_classes(experiment: ExperimentSettings, scored: Mapping[str, ScoredClasses]) -> None:
    """Refuse measures of a class that a variant is not scored in, or that would mean something else in each variant.

    scored: variant -> what its predictions are scored in.
    """
    of_vessels = {measure.name for measure in further_measures(experiment.further)}
    for name in experiment.compared:
        of, _, bare = name.rpartition(".")
        for variant, its in scored.items():
            if of and of not in its.names:
                told = (
                    f"variant {variant} is scored in {', '.join(its.names)}"
                    if its.names
                    else "vessels are all there is"
                )
                raise ValueError(f"classes {of}: {told}; name what every variant has, or leave it out")
            if bare in of_vessels and of != its.all_vessels:
                raise ValueError(f"measures {name}: {bare} is of all vessels together; give {its.all_vessels}.{bare}")
    means = {variant: [one.name for one in its.chosen.classes] for variant, its in scored.items()}
    first, of_first = next(iter(means.items()))
    of_all = next((name for name in experiment.compared if "." not in name), None)
    other = next((variant for variant, names in means.items() if names != of_first), None)
    if of_all and other:
        raise ValueError(
            f"measures {of_all}: is the mean over {', '.join(of_first)} in variant {first}, and over "
            f"{', '.join(means[other])} in {other}; compare what both have: classes: [{scored[first].all_vessels}]"
        )


def check_parting(store: Path, settings: FoldSettings) -> None:
    """Refuse a store whose cases were parted otherwise than the settings now ask for: its folds, or its test set."""
    path, patient_of = store / SPLITS_FILE, patients_of(store)
    splits = check_splits(read_json(path), patient_of, str(path))
    asked = "ask for the same, or give the experiment another --name"
    if len(splits) != settings.folds:
        raise ValueError(f"{path}: has {len(splits)} folds, but preprocess asks for {settings.folds}; {asked}")
    wanted = held_out_set(patient_of, settings.test) if settings.test else []
    other = next((number for number, fold in enumerate(splits) if fold.get("test", []) != wanted), None)
    if other is not None:
        has = len(splits[other].get("test", []))
        raise ValueError(
            f"{path}: fold {other} has {has} test cases, but preprocess asks for others (folds.test); {asked}"
        )


def check_fold_numbers(
    experiment: ExperimentSettings, trainings: Mapping[str, RunSettings], partings: Mapping[Path, FoldSettings]
) -> None:
    """Refuse folds that the cases will not be parted into, before they are prepared.

    partings: store -> how its cases are parted; those of stores that are there already are looked at by `check_folds`.
    """
    last = max(experiment.folds)
    for variant, training in trainings.items():
        parting = partings.get(experiment.store_of(variant))
        # A file of its own is read once there are cases.
        if parting is not None and training.splits is None and last >= parting.folds:
            raise ValueError(
                f"fold {last}: preprocess parts the cases of {variant} into folds 0 to {parting.folds - 1} "
                f"(folds.folds: {parting.folds}); name folds among these, or part the cases into more"
            )


def check_folds(experiment: ExperimentSettings, trainings: Mapping[str, RunSettings]) -> None:
    """Refuse folds that are missing, or that differ between variants: their cases could not be paired."""
    for fold in experiment.folds:
        parts = {
            variant: load_fold(experiment.store_of(variant), training.splits, fold, training.fold_count)
            for variant, training in trainings.items()
        }
        first, expected = next(iter(parts.items()))
        if other := next((variant for variant, part in parts.items() if part != expected), None):
            raise ValueError(f"fold {fold}: {other} has other cases in it than {first}; they could not be compared")


def check_networks(experiment: ExperimentSettings, trainings: Mapping[str, RunSettings]) -> None:
    """Refuse networks that cannot be built for the cases, before the first run: the last variant's begin long after."""
    for variant, training in trainings.items():
        try:
            check_network(training, experiment.store_of(variant))
        except ValueError as error:
            raise ValueError(f"variant {variant}, train: {error}") from None


def check_further(experiment: ExperimentSettings, trainings: Mapping[str, RunSettings]) -> None:
    """Refuse features that a variant's network does not have, and folds too small to learn from; after `check_folds`.

    A probe, and without a test set a threshold, are found on some held-out patients and tried on others.
    """
    for variant, training in trainings.items() if experiment.probe else ():
        store = experiment.store_of(variant)
        ndim = len(read_record(store, open_store(store)[0])["shape"])
        try:
            check_probe(experiment.probe, training.model, count_scales(store), ndim)
        except ValueError as error:
            raise ValueError(f"variant {variant}, probe: {error}") from None

    asked = [key for key in ("probe", "at_precision", "own_threshold") if getattr(experiment, key)]
    variant, training = next(iter(trainings.items()))
    patient_of = patients_of(experiment.store_of(variant))
    for fold in experiment.folds if asked else ():
        parts = load_fold(experiment.store_of(variant), training.splits, fold, training.fold_count)
        if "test" in parts and not experiment.probe:
            continue  # Thresholds are chosen on the validation cases.
        if len({patient_of[case] for case in scored_cases(parts)}) < 2:
            raise ValueError(
                f"{asked[0]}: fold {fold} holds out a single patient, and needs some to learn from and others to try; "
                f"take fewer folds, or leave {asked[0]} out"
            )
