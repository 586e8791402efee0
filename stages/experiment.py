"""An experiment: cases prepared, variants trained and scored, and their table."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from ramify.command_line.errors import SeveralErrors
from ramify.command_line.file_complaints import complaints_of_file
from ramify.command_line.yaml_settings import (
    laid_over,
    read_yaml,
    with_default_mappings,
    with_single_words,
)
from ramify.comparison.comparison_table import pairs_to_csv
from ramify.comparison.forest_plot import draw_comparison
from ramify.comparison.results import read_results
from ramify.console.signals import saying_what_is_kept
from ramify.data.adapters.opening import open_dataset
from ramify.data.adapters.settings import DatasetSettings
from ramify.data.case_store import class_table_of, count_scales, list_cases
from ramify.data.folds import keep_splits, patients_of
from ramify.data.provenance import versions
from ramify.disk.atomic_files import write_whole
from ramify.disk.json_files import to_json
from ramify.disk.outputs import Outputs
from ramify.disk.own_files import own
from ramify.experiments.checks import (
    check_classes,
    check_fold_numbers,
    check_folds,
    check_further,
    check_networks,
    check_parting,
    check_scales,
)
from ramify.experiments.layers import LayerSettings
from ramify.experiments.plan import Run, runs_of
from ramify.experiments.runner import run_experiment
from ramify.experiments.runs import Ending, ending_of, results_file
from ramify.experiments.scored_classes import ScoredClasses, scored_classes
from ramify.experiments.second_observer import check_second_observer, score_second_observer
from ramify.experiments.settings import ExperimentSettings
from ramify.experiments.table import ExperimentTable, build_table
from ramify.experiments.table_forms import to_csv, to_markdown, to_plain_table, to_screen
from ramify.experiments.worst_cases import draw_worst_cases, worst_cases
from ramify.preprocessing.parting import check_can_be_parted
from ramify.preprocessing.settings import PreprocessCommand
from ramify.processes.folder_lock import held
from ramify.stages.preprocess import preprocess
from ramify.tasks.class_table import ClassTable
from ramify.training.settings import RunSettings

TABLES = ("table.md", "table.csv", "table.json", "pairs.csv", "table.png")
FOLDS_OPTION = "in its file, preprocess: {{settings: {{folds.folds: {count}}}}} and folds from 0 to {last}"
"""How an experiment is asked for other folds: no flag adds to the settings of its preparation."""
SettingsT = TypeVar("SettingsT", bound=BaseModel)


def run_and_compare(experiment: ExperimentSettings) -> int:
    """Prepare, run and compare; 1 if a run failed or is missing."""
    preparations, trainings = preparations_of(experiment), trainings_of(experiment)
    for variant, training in trainings.items():
        store = experiment.store_of(variant)
        command = preparations.get(store)
        n_scales = command.preprocessing.scales.n_scales if command else count_scales(store)
        check_scales(variant, training, n_scales)
    check_fold_numbers(experiment, trainings, {store: command.folds for store, command in preparations.items()})
    known = {store: command.known for store, command in preparations.items()}
    if experiment.cases is not None or None not in known.values():
        # Before the cases are prepared, if their classes are told by then.
        check_classes(experiment, scored_of(experiment, trainings, known))

    prepares = bool(preparations) and experiment.run
    if prepares:
        check_data_sets(preparations)
    # Whatever does not fit is told before anything is written, if the cases are there.
    runs = None if prepares else checked_runs(experiment, preparations, trainings)

    roots = [command.root for command in preparations.values()]
    with (
        saying_what_is_kept(lambda: f"what was done is in {experiment.folder}; the same command goes on"),
        Outputs(experiment.cases, *roots, replace=experiment.replace) as outputs,
    ):
        claim(experiment, preparations, outputs)
        if runs is not None and not experiment.run:
            # A look at the table disturbs nobody; runs are for one process at a time.
            return conclude(experiment, runs, endings_of(runs))
        with held(experiment.folder, "experiment.py"):
            prepare(experiment, preparations)
            if runs is None:
                runs = checked_runs(experiment, preparations, trainings)
            for variant, training in trainings.items():
                if training.splits is None:
                    keep_splits(experiment.store_of(variant), training.fold_count)
            return conclude(experiment, runs, run_experiment(experiment, runs))


def check_data_sets(preparations: Mapping[Path, PreprocessCommand]) -> None:
    """Refuse a data set that is not there, or whose cases cannot be parted as is asked for."""
    for store, command in preparations.items():
        known = {*open_dataset(command).case_ids(), *list_cases(store)}
        check_can_be_parted(store, known, command.patient_pattern, command.folds, FOLDS_OPTION)


def checked_runs(
    experiment: ExperimentSettings,
    preparations: Mapping[Path, PreprocessCommand],
    trainings: Mapping[str, RunSettings],
) -> list[Run]:
    """All runs, on cases that are there; raises ValueError for what does not fit them."""
    for store, command in preparations.items():
        check_parting(store, command.folds)
    check_folds(experiment, trainings)
    check_further(experiment, trainings)
    if experiment.run:
        check_networks(experiment, trainings)
    dataset = next((dataset_of(command) for command in preparations.values()), None)
    scored = scored_of(experiment, trainings)
    check_classes(experiment, scored)
    runs = list(runs_of(experiment, trainings, dataset, scored))
    if experiment.second_observer:
        assert dataset is not None, "refused by the settings"
        check_second_observer(experiment, runs, dataset.root or Path())
    return runs


def conclude(experiment: ExperimentSettings, runs: Sequence[Run], endings: Mapping[str, Ending]) -> int:
    """Show and write the table; 1 if a run failed or is missing."""
    observer, dataset = None, runs[0].dataset
    if experiment.second_observer and dataset is not None:
        observer = read_results(score_second_observer(experiment, runs, dataset.root or Path()))
    table = build_table(experiment, runs, endings, patients_of(runs[0].settings.cases), observer)
    print(to_screen(table))
    written = [*write(table, experiment.folder), *draw_worst(table)]
    print(f"written: {', '.join(str(path) for path in written)}")
    return 0 if table.finished == len(runs) else 1


def claim(experiment: ExperimentSettings, preparations: Mapping[Path, PreprocessCommand], outputs: Outputs) -> None:
    """Make the experiment's folder Ramify's; raises as `Outputs` does."""
    stores = [f"{store.name}.yaml" for store in preparations]
    outputs.claim_folder(experiment.folder, "experiment", ["experiment.yaml", *stores, *TABLES])


def preparations_of(experiment: ExperimentSettings) -> dict[Path, PreprocessCommand]:
    """How each store of cases is made; none where the cases are taken as they are."""
    if experiment.cases is not None:
        return {}
    found = {}
    for variant in experiment.variants:
        store = experiment.store_of(variant)
        own: dict[str, Any] = {"output": str(store), "replace": experiment.replace}
        if experiment.root is not None:
            own["root"] = str(experiment.root)
        if experiment.cluster is not None:
            own |= {"cluster": experiment.cluster, "workers": 1}
        overrides = experiment.variants[variant].preprocess
        found[store] = resolved(PreprocessCommand, experiment.preprocess, "preprocess", variant, overrides, own)
        if found[store].auto:
            raise ValueError(
                f"variant {variant}, preprocess: auto: an experiment says what it prepares; write down what "
                "preprocess.py --auto chose (fingerprint.json), or give its cases as they are with --cases"
            )
    return found


def trainings_of(experiment: ExperimentSettings) -> dict[str, RunSettings]:
    """The settings of every variant's training, before fold and seed."""
    return {
        variant: resolved(
            RunSettings,
            experiment.train,
            "train",
            variant,
            its.train,
            {
                "cases": str(experiment.store_of(variant)),
                "output": str(experiment.folder / "runs"),
                "replace": experiment.replace,
            },
        )
        for variant, its in experiment.variants.items()
    }


def scored_of(
    experiment: ExperimentSettings,
    trainings: Mapping[str, RunSettings],
    known: Mapping[Path, ClassTable | None] = MappingProxyType({}),
) -> dict[str, ScoredClasses]:
    """In which classes each variant is scored; the truth has those of the first one's cases.

    known: the classes of stores that are not there yet. Raises ValueError that names the variant.
    """
    tables = {
        variant: known.get(store := experiment.store_of(variant)) or class_table_of(store) for variant in trainings
    }
    truth, found = next(iter(tables.values())), {}
    for variant, training in trainings.items():
        try:
            found[variant] = scored_classes(training.model.tasks, tables[variant], truth)
        except ValueError as error:
            raise ValueError(f"variant {variant}, train: model.{error}") from None
    return found


def resolved(
    settings_class: type[SettingsT],
    layers: LayerSettings,
    stage: str,
    variant: str,
    overrides: Mapping[str, Any],
    own: Mapping[str, Any],
) -> SettingsT:
    """The settings of a stage for a variant: files, the experiment's settings, the variant's, the experiment's own.

    A mapping that no file gives, such as the terms of the loss, is the default one: overrides add to it.

    Raises ValueError that names the key at fault and its near miss, FileNotFoundError for a missing file.
    """
    plain: dict[str, Any] = {}
    for file in layers.configs:
        plain = laid_over(plain, read_yaml(file))
    plain = with_default_mappings(plain, settings_class)
    for layer in (layers.settings, dict(overrides), dict(own)):
        plain = laid_over(plain, layer)
    plain = with_single_words(plain, settings_class)
    try:
        return settings_class.model_validate(plain)
    except ValidationError as error:
        raise SeveralErrors(complaints_of_file(error, settings_class, plain, f"variant {variant}, {stage}")) from None


def prepare(experiment: ExperimentSettings, preparations: Mapping[Path, PreprocessCommand]) -> None:
    """Write down what is meant, and fill the stores as preprocess.py does, as far as that is not done."""
    write_whole(experiment.folder / "experiment.yaml", to_yaml(experiment))
    for store, command in preparations.items():
        config = store.with_name(f"{store.name}.yaml")
        write_whole(config, to_yaml(command))
        print(f"cases: {store}", flush=True)
        # What it tells of each case goes to a log; complaints come through.
        log = store.with_name(f"{store.name}.log")
        own(log)
        with log.open("a", encoding="utf-8") as stream, contextlib.redirect_stdout(stream):
            code = preprocess(command)
        if code:
            raise ValueError(f"{store}: not every case could be prepared; the reasons stand above")


def to_yaml(settings: BaseModel) -> str:
    """Settings as a configuration file."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def dataset_of(command: PreprocessCommand) -> DatasetSettings:
    """Where images and masks come from."""
    return DatasetSettings(**{name: getattr(command, name) for name in DatasetSettings.model_fields})


def endings_of(runs: Sequence[Run]) -> dict[str, Ending]:
    """How the runs ended that did."""
    return {run.name: ending for run in runs if (ending := ending_of(run))}


def write(table: ExperimentTable, folder: Path) -> list[Path]:
    """Write the table in every form; the files' paths."""
    contents: list[bytes | str] = [
        to_markdown(table),
        to_csv(table),
        to_json(to_plain_table(table, versions())),
    ]
    if table.comparison:
        contents += [pairs_to_csv(table.comparison), draw_comparison(table.comparison)]
    written = [folder / name for name, _ in zip(TABLES, contents)]
    for path, content in zip(written, contents):
        write_whole(path, content)
    return written


def draw_worst(table: ExperimentTable) -> list[Path]:
    """Draw the cases that come out worst, if asked for and as far as there is a run to show; the files' paths."""
    done = [run for run in table.runs if (ending := table.endings.get(run.name)) and ending.state == "finished"]
    first = [run for run in done if run.variant == next(iter(table.experiment.variants))]
    if not table.experiment.worst_cases or not first:
        return []
    measure = table.experiment.compared[0]
    upwards = next(row.better for row in table.rows if row.measure == measure) != "lower"
    results = [read_results(results_file(run)) for run in done]
    worst = worst_cases(results, measure, upwards, table.experiment.worst_cases)
    return draw_worst_cases(first, worst, measure, table.experiment.folder)
