"""Which classes an evaluation compares: from flags, from a table, or all that the truths have."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import TypeAdapter, ValidationError

from ramify.console.progress import followed
from ramify.data.case_record import TableRecord
from ramify.data.case_store import list_cases, read_record
from ramify.data.label_names import (
    DESCRIPTION,
    described_labels,
    description_beside,
    names_by_number,
    read_description,
)
from ramify.data.labelled_file import LabelledFile
from ramify.data.mask_folders import match_masks
from ramify.disk.json_files import read_json
from ramify.evaluation.settings import EvaluateCommand
from ramify.metrics.classes import ClassSet, LabelClass, parse_classes, parse_regions
from ramify.metrics.topcow import check_arteries
from ramify.tasks.class_table import ClassTable

RUN_FILE, SETTINGS_FILE = "run.json", "config.yaml"
_KEYS = ("classes", "regions", "ignore")
_MOST_BYTES = 1_000_000


def chosen_classes(command: EvaluateCommand) -> ClassSet:
    """The classes, regions and ignore value that a command asks for; no class where it compares plain masks.

    Raises ValueError or OSError in one line: a class, a table or a description that cannot be read.
    """
    chosen = _chosen(command)
    if command.topcow:
        check_arteries(chosen)
    return chosen


def _chosen(command: EvaluateCommand) -> ClassSet:
    if command.classes_of is not None:
        return table_classes(command.classes_of)
    if not (command.classes or command.every_class):
        return ClassSet(ignore=command.ignore_label)
    # Of a folder of truths, in it or beside it.
    truth = command.truth / DESCRIPTION if command.truth.is_dir() else command.truth
    description = description_beside(truth)
    if command.every_class:
        return every_class(command, description)
    by_name = any(not part.isdecimal() for word in command.classes for part in word.rpartition("=")[2].split("+"))
    known = described_labels(read_description(description), description).names if description and by_name else {}
    classes = parse_classes(command.classes, known)
    _check_apart(classes)
    # Few cases may lack an artery that not everybody has.
    regions, rare = parse_regions(command.regions, classes), command.topcow
    return ClassSet.of(classes, regions, command.ignore_label, looked_up=rare)


def _check_apart(classes: Sequence[LabelClass]) -> None:
    """Raise ValueError for a label of two classes, as a data set's table does: regions are what overlaps."""
    taken: dict[int, str] = {}
    for one in classes:
        for label in one.labels:
            if taken.setdefault(label, one.name) != one.name:
                raise ValueError(
                    f"--classes: label {label} is of {taken[label]} and of {one.name}; give it to one, or make a "
                    "mask of several classes with --regions"
                )


def every_class(command: EvaluateCommand, description: Path | None) -> ClassSet:
    """All labels of the truths' dataset.json, those that are lists as regions; without one, all values there are."""
    if description is None:
        ignore = command.ignore_label
        classes = [LabelClass(str(label), (label,)) for label in values_in(command) if label != ignore]
        regions = parse_regions(command.regions, classes)
        return ClassSet.of(classes, regions, ignore, looked_up=True)
    described = described_labels(read_description(description), description)
    labels = described.names
    ignore = described.ignore if command.ignore_label is None else command.ignore_label
    by_label = names_by_number(labels)
    numbers = sorted({number for ids in labels.values() for number in ids} - {ignore, 0})
    classes = [LabelClass(by_label.get(number, f"label_{number}"), (number,)) for number in numbers]
    own = [LabelClass(name, ids) for name, ids in labels.items() if len(ids) > 1]
    return ClassSet.of(classes, [*own, *parse_regions(command.regions, classes)], ignore, looked_up=True)


def values_in(command: EvaluateCommand) -> list[int]:
    """Every value > 0 of the true label maps; a file that cannot be read is told of when its case is evaluated."""
    found: set[int] = set()
    matched = match_masks({"truth": (command.truth, command.truth_suffix)}, required=("truth",))
    wanted = {case_id: files for case_id, files in matched.items() if not command.cases or case_id in command.cases}
    # Read once more when they are compared: what is compared is known before a case is.
    for files in followed(wanted.values(), "looking for labels", "case", len(wanted)):
        for path in files["truth"]:
            try:
                found.update(np.unique(LabelledFile(path, command.spacing_mm or None).label_map.array).tolist())
            except (ValueError, OSError):
                continue
    labels = sorted(label for label in found if label > 0)
    if not labels:
        raise ValueError(f"--every-class: {command.truth} has no label above 0; name the classes with --classes")
    return labels


def table_classes(place: Path) -> ClassSet:
    """The classes of a table: a YAML or JSON file, a folder of prepared cases, or a run.

    Of a run whose regions do not tell all classes apart, each region is compared as a class is: of the classes in it
    its masks have one value alone.
    """
    source, content, asked = _table_at(place)
    given = {key: content[key] for key in _KEYS if content.get(key) is not None}
    if "classes" not in given:
        raise ValueError(f"{source}: holds no classes; give one with classes: {{portal: 1, hepatic: 2}}, or --classes")
    try:
        table = TypeAdapter(TableRecord).validate_python(given)
        return _of_regions(table) if asked == "regions" else ClassSet.of_table(table)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        complaint = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"{source}: {where + ': ' if where else ''}{complaint}") from None
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None


def _of_regions(table: ClassTable) -> ClassSet:
    """What masks of regions can be compared by: the classes where each is written, else the regions."""
    chosen = ClassSet.of_table(table)
    if {table.names[table.number_of_region(name) - 1] for name in table.regions} == set(table.names):
        return chosen
    own = tuple(one for one in chosen.regions if one.name in table.regions)
    others = tuple(one for one in chosen.regions if one not in own)
    context = [name for name, members in table.regions.items() if set(members) <= set(chosen.context)]
    return replace(chosen, classes=own, regions=others, context=tuple(context))


def _table_at(place: Path) -> tuple[Path, Mapping[str, Any], str | None]:
    """The file that holds a table, its content, and of a run what its network was asked for.

    A record of a run or of a case has the table under `classes`.
    """
    if place.is_file():
        return place, _mapping(place), None
    source, record = record_at(place)
    table = _nested(record)
    asked = _asked(source.parent) if source.name == RUN_FILE else None
    _check_classes_are_told(source.parent, table, asked)
    return source, table, asked


def record_at(place: Path) -> tuple[Path, Mapping[str, Any]]:
    """What a run, or the first case of a store, says of itself, and where that stands.

    Raises FileNotFoundError for no such folder, ValueError for one that is neither.
    """
    if not place.exists():
        raise FileNotFoundError(f"--classes-of {place}: no such file or folder")
    # A run has its folds in folders of their own, which were taught the same classes.
    if runs := sorted([*place.glob(RUN_FILE), *place.glob(f"fold_*/{RUN_FILE}")]):
        return runs[0], _mapping(runs[0])
    if not (cases := list_cases(place)):
        raise ValueError(
            f"--classes-of {place}: neither a run nor a folder of prepared cases; give a file with classes"
        )
    return place / cases[0], read_record(place, cases[0])


def _asked(fold: Path) -> str | None:
    """The main task of a run, as its settings have it; None where they do not say."""
    if not (settings := fold / SETTINGS_FILE).is_file():
        return None
    tasks: Any = _mapping(settings)
    for key in ("model", "tasks"):
        tasks = tasks.get(key) if isinstance(tasks, Mapping) else None
    return tasks.get("main") if isinstance(tasks, Mapping) else None


def _check_classes_are_told(fold: Path, table: Mapping[str, Any], asked: str | None) -> None:
    """Raise ValueError where the network of a run tells vessels alone: its masks have the values of no class."""
    # Of one class the mask has that class's value.
    if asked in ("vessels", "scales") and len(table.get("classes") or ()) != 1:
        raise ValueError(
            f"--classes-of {fold}: its network was asked for {asked}, and its masks hold 0 and 1; leave --classes-of "
            "out, and say by --truth-labels which values of the truth are vessels"
        )


def _nested(record: Mapping[str, Any]) -> Mapping[str, Any]:
    table = record.get("classes")
    return table if isinstance(table, Mapping) else {}


def _mapping(path: Path) -> Mapping[str, Any]:
    """What a YAML or JSON file says."""
    if path.suffix.lower() not in (".yaml", ".yml"):
        content = read_json(path)
    else:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"{path}: more than {_MOST_BYTES / 1e6:.0f} MB of YAML; is it the right file?")
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: not a YAML file ({' '.join(str(error).split())})") from None
    if not isinstance(content, Mapping):
        raise ValueError(f"{path}: expected keys with values, got {type(content).__name__}")
    return content
