"""The classes of a case in files: the table, where its labels are, and the case they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ramify.data.adapters.class_settings import (
    ClassSettings,
    check_nothing_ignored,
    checked_table,
    table_of_names,
    table_of_values,
    table_of_vessels,
    values_of,
)
from ramify.data.class_maps import ClassedLabels, Fault, check_no_fault
from ramify.data.label_names import ANY, UNDESCRIBED, labels_beside
from ramify.data.labelled_file import Choice, LabelledFile
from ramify.data.mask_files import MaskFiles
from ramify.data.raw_case import RawCase, place_mask
from ramify.data.volume import Volume
from ramify.tasks.class_table import IGNORED, ClassTable, Role, Value

LabelSource = LabelledFile | MaskFiles


@dataclass(frozen=True)
class ClassChoice:
    """The classes of a case.

    labels: where they are. background: labels that are, beside 0; None: all that are in no class. organs, organ: the
    organ's own file, if it has one, and its labels there (None: a plain mask). form: the data set's, for errors.
    """

    table: ClassTable
    labels: LabelSource
    background: Sequence[Value] | None
    organs: LabelledFile | None
    organ: Choice | None
    form: str

    def describe(self) -> dict[str, Any]:
        """All of it as plain data."""
        of_role = {
            role: [value for its in self.table.classes.values() if its.role == role for value in its.values]
            for role in ("vessel", "organ")
        }
        return {
            "classes": self.table.model_dump(mode="json"),
            "background": None if self.background is None else list(self.background),
            "vessel_labels": of_role["vessel"],
            "organ_labels": of_role["organ"] if self.organs is None else list(self.organ or ()),
            "labels": {name: list(ids) for name, ids in self.labels.names.items()},
        }

    def faults(self) -> tuple[Fault, ...]:
        """What does not fit in its labels; raises ValueError or OSError that names a file that cannot be read."""
        return self.labels.classed(self.table, self.background).faults

    def read(self, case_id: str, images: Mapping[str, Volume], resample_masks: bool) -> RawCase:
        """The case of an image; raises ValueError or OSError that names the file at fault, and for any fault."""
        image = next(iter(images.values()))
        labels = self.labels.classed(self.table, self.background)
        check_no_fault(case_id, labels.faults)
        labels = labels.placed_on(image, f"case {case_id}, {self.labels.path.name}", resample_masks)
        organ = labels.organ
        if self.organs is not None:
            given = self.organs.mask(self.organ, "organ", f"--{self.form}.organ-labels")
            organ = place_mask(given, image, f"case {case_id}, organ {self.organs.path.name}", resample_masks)
        return classed_case(case_id, images, labels, organ, self.table)


def classed_case(
    case_id: str, images: Mapping[str, Volume], labels: ClassedLabels, organ: Volume | None, table: ClassTable
) -> RawCase:
    """The case of labels that lie on its image; without provenance."""
    classes = labels.classes
    is_vessel = np.zeros(IGNORED + 1, bool)
    is_vessel[list(table.vessels)] = True
    vessels = classes.with_array(is_vessel[classes.array])
    if table.is_single:
        return RawCase(case_id, case_id, images, organ, vessels)
    structures = {
        name: replace(classes, array=classes.array == number, notes=()) for number, name in enumerate(table.names, 1)
    }
    return RawCase(case_id, case_id, images, organ, vessels, structures, classes=classes, table=table)


def choose_classes(
    wanted: ClassSettings,
    labels: LabelSource,
    organs: LabelledFile | None,
    organ_labels: Sequence[str],
    vessel_labels: Sequence[str],
    form: str,
) -> ClassChoice:
    """The classes that are asked for, in the labels of a case.

    vessel_labels: where no classes are named, and voxels without a label are. Raises ValueError that names the file: no
    such label, organ by class and by file, a table that does not fit together.
    """
    table, background = _table(wanted, labels, vessel_labels, form)
    if table.organs and organs is not None:
        raise ValueError(
            f"{organs.path}: an organ mask, where class {table.organs[0]} is the organ; give one of the two"
        )
    if organ_labels and organs is None:
        raise ValueError(
            f"{labels.path}: with classes the organ is one of them; give it the role organ in place of "
            f"--{form}.organ-labels"
        )
    organ = None
    if organs is not None and organ_labels:
        organ = organs.choose(organ_labels, "organ", f"--{form}.organ-labels")
    return ClassChoice(table, labels, background, organs, organ, form)


def _table(
    wanted: ClassSettings, labels: LabelSource, vessel_labels: Sequence[str], form: str
) -> tuple[ClassTable, Sequence[Value] | None]:
    """The table, its values as the source has them, and the labels that are background."""
    where = str(labels.path)
    if isinstance(labels, MaskFiles):
        files: dict[str, Role] = dict.fromkeys(labels.files, "vessel")
        return table_of_names(wanted, files, where), None
    if labels.segments:
        check_nothing_ignored(wanted, where)
        if wanted.every_class:
            names: dict[str, Role] = {segment.name: "vessel" for segment in labels.segments}
            return _with_inside(table_of_names(wanted, names, where), labels), wanted.background
        table = checked_table({"classes": wanted.classes, "regions": wanted.regions})
        return _with_inside(table, labels), wanted.background
    described = labels.described
    if described is None:
        named = wanted.every_class or any(isinstance(value, str) for value in _values(wanted))
        described = labels_beside(labels.path) if named else UNDESCRIBED
    where = str(labels.described_in or labels.path)
    if not wanted.of_classes:
        option = f"--{form}.vessel-labels"
        chosen = labels.choose(vessel_labels, "vessels", option)
        if chosen == [ANY]:
            raise ValueError(f"{where}: any label is a vessel's, and {wanted.ignore} is ignored; name them in {option}")
        return table_of_vessels([1] if chosen is None else chosen, wanted.ignore), None
    background = values_of(wanted.background, described, f"{where}: background")
    return _with_inside(table_of_values(wanted, described, where), labels), background


def _with_inside(table: ClassTable, labels: LabelledFile) -> ClassTable:
    """The table, its organ with the vessels, where a voxel of one file has one label.

    Vessels lie in their organ. What another class is to it, such as a spleen beside a liver, its labels alone say.
    """
    if not table.organs:
        return table
    organ = [value for name in table.organs for value in table.classes[name].values]
    inside = [value for its in table.classes.values() if its.role == "vessel" for value in its.values]
    first = table.organs[0]
    added = labels.with_inside(organ, inside)[len(organ) :]
    whole = table.classes[first].model_copy(update={"values": (*table.classes[first].values, *added)})
    return table.model_copy(update={"classes": {**table.classes, first: whole}})


def _values(wanted: ClassSettings) -> list[Value]:
    return [*wanted.background, *(value for its in wanted.classes.values() for value in its.values)]
