"""Which labels of the truth are vessels, by a run or a store that tells nothing but vessels."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ramify.data.case_record import TableRecord
from ramify.data.image_source import ImageSource
from ramify.evaluation.chosen_classes import record_at
from ramify.evaluation.settings import EvaluateCommand
from ramify.tasks.class_table import SINGLE


def with_told_labels(command: EvaluateCommand) -> EvaluateCommand:
    """The command with the labels of truth and organ that `classes_of` had, where these are all that it tells.

    Masks of such a network hold 0 and 1, whatever value its vessels had in the label maps that it was trained on. The
    organ's labels are those of the same label map: they are taken where organ and truth are the same files.
    """
    if command.classes_of is None or not command.classes_of.is_dir():
        return command
    _, record = record_at(command.classes_of)
    if not _is_plain(record):
        return command
    source = ImageSource.of_records([record]) if "provenance" in record else ImageSource.model_validate(_source(record))
    told: dict[str, Any] = {"classes_of": None, "truth_labels": _numbers(source.vessel_labels)}
    if command.organ is not None and not command.organ_labels and command.organ.resolve() == command.truth.resolve():
        told["organ_labels"] = _numbers(source.organ_labels)
    return command.model_copy(update=told)


def _is_plain(record: Mapping[str, Any]) -> bool:
    try:
        return TypeAdapter(TableRecord).validate_python(record.get("classes")) == SINGLE
    except ValidationError:
        return False  # Reading the classes says so.


def _source(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of a run; one of an earlier version does not say it."""
    source = record.get("source")
    return source if isinstance(source, Mapping) else {}


def _numbers(labels: tuple[int | str, ...]) -> tuple[str, ...]:
    """Labels of a label map; masks and segments by name are in files of another kind."""
    return tuple(map(str, labels)) if all(isinstance(label, int) for label in labels) else ()
