"""Which classes are asked of a data set, and the table that comes of it with what the data set says of its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from ramify.data.label_names import DataSetLabels, is_number
from ramify.data.near_names import mistyped
from ramify.tasks.class_table import SINGLE, VESSEL, ClassTable, LabelledClass, LabelledClasses, Regions, Role, Value


class ClassSettings(BaseModel, frozen=True, extra="forbid"):
    """The classes that are told apart; without any, the vessels are one class, as `vessel_labels` say."""

    classes: LabelledClasses = {}
    """Classes by name: a value, several, or {values: ..., role: vessel | context | organ}. A value may be a name: of a
    label in dataset.json, a structure of 3D-IRCADb, a segment of a .seg.nrrd, a pattern of pairs.label."""
    regions: Regions = {}
    """Unions of classes by name, for a network of regions; written for each is its first class that is in no later
    region, else its first."""
    ignore: int | None = Field(None, ge=1)
    """Value of voxels that nobody labelled: they are in no loss and no measure. None: that of dataset.json, if any."""
    background: tuple[Value, ...] = ()
    """Labels that are background beside 0, by value or name. A label that is neither here nor in a class is refused."""
    every_class: bool = False
    """Take all labels that the data set names, each as a class, beside those under classes; its lists of labels are
    regions, as in nnU-Net. They are vessels unless classes says otherwise."""

    @field_validator("regions")
    @classmethod
    def _written_as_their_own(cls, regions: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
        return own_first(regions)

    @model_validator(mode="after")
    def _is_a_table(self) -> Self:
        if not self.of_classes and (self.regions or self.background):
            raise ValueError("regions and background need classes, or every_class; give these, too")
        if self.ignore is not None and self.ignore in self.background:
            raise ValueError(f"ignore: {self.ignore} is a value of background, too; leave it out there")
        if self.classes and not self.every_class:
            checked_table({"classes": self.classes, "regions": self.regions, "ignore": self.ignore})
        return self

    @property
    def of_classes(self) -> bool:
        """Whether classes are named here."""
        return bool(self.classes) or self.every_class

    @property
    def known(self) -> ClassTable | None:
        """The classes, as far as they are told without a look at the data set; None where it names them itself."""
        if self.every_class:
            return None
        return checked_table({"classes": self.classes, "regions": self.regions}) if self.classes else SINGLE

    @property
    def is_given(self) -> bool:
        """Whether anything here goes beyond one class of vessels."""
        return self.of_classes or self.ignore is not None


def own_first(regions: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Regions whose first class, which is written for them, is the first one that no later region has, if there is one.

    Examples:
        >>> from ramify.data.adapters.class_settings import own_first
        >>> own_first({"all": ["rim", "core"], "rim_alone": ["rim"]})
        {'all': ('core', 'rim'), 'rim_alone': ('rim',)}
    """
    found, later = {}, set[str]()
    for name, members in reversed(list(regions.items())):
        first = next((member for member in members if member not in later), None)
        found[name] = tuple(sorted(members, key=lambda member: member != first))
        later.update(members)
    return dict(reversed(found.items()))


NO_CLASSES = ClassSettings()


def checked_table(content: Mapping[str, Any]) -> ClassTable:
    """The table of that content; raises ValueError in one line."""
    try:
        return ClassTable.model_validate(content)
    except ValidationError as error:
        said = "; ".join(one["msg"].removeprefix("Value error, ") for one in error.errors())
        raise ValueError(said) from None


def table_of_values(wanted: ClassSettings, described: DataSetLabels, where: str) -> ClassTable:
    """The classes of label maps, every one by its values.

    described: what dataset.json says. where: file that names the labels, for errors.

    Raises ValueError that names the file: no label of that name, a table that does not fit together, every_class where
    nothing names the labels.
    """
    classes = {
        name: LabelledClass(values=values_of(its.values, described, f"{where}: classes.{name}"), role=its.role)
        for name, its in wanted.classes.items()
    }
    regions: dict[str, tuple[str, ...]] = {}
    if wanted.every_class:
        if not described.names:
            raise ValueError(f"{where}: names no label, so every_class finds none; give classes")
        classes, regions = _every(classes, described, where)
    ignore = described.ignore if wanted.ignore is None else wanted.ignore
    content = {"classes": classes, "regions": {**regions, **wanted.regions}, "ignore": ignore}
    try:
        return checked_table(content)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _every(
    classes: dict[str, LabelledClass], described: DataSetLabels, where: str
) -> tuple[dict[str, LabelledClass], dict[str, tuple[str, ...]]]:
    """Classes with those of dataset.json that they lack, and its regions."""
    # Where one label is a list, nnU-Net takes all of them for regions, those of a single label, too.
    as_regions = any(len(ids) > 1 for ids in described.names.values())
    known = {value: name for name, its in classes.items() for value in its.values if its.role != "organ"}
    # An organ's labels may have the vessels among them; its own label is the only one, or called as it is.
    organs = {name.casefold(): its.values for name, its in classes.items() if its.role == "organ"}
    for name, ids in sorted(described.names.items(), key=lambda item: item[1]):
        if name.casefold() in organs or ids in organs.values():
            continue
        for value in ids:
            if value not in known:
                known[value] = f"label_{value}" if as_regions else name
                if known[value] in classes:
                    raise ValueError(f"{where}: label {name} is in no class, and there is one of its name; rename it")
                classes[known[value]] = LabelledClass(values=(value,))
    if not as_regions:
        return classes, {}
    regions: dict[str, tuple[str, ...]] = {}
    for name, ids in described.names.items():
        regions[name] = tuple(dict.fromkeys(known[value] for value in ids if value in known))
    # What the data set says of them holds; where it says nothing, they are as those of the settings.
    for name, first in zip(regions, described.order):
        regions[name] = tuple(sorted(regions[name], key=lambda member: member != known.get(first)))
    return classes, regions if described.order else own_first(regions)


def values_of(values: Sequence[Value], described: DataSetLabels, where: str) -> tuple[int, ...]:
    """The numbers of labels given by number or name; raises ValueError for a name that there is not."""
    folded = {name.casefold(): ids for name, ids in described.names.items()}
    found: list[int] = []
    for value in values:
        if isinstance(value, int):
            found.append(value)
        elif value.casefold() in folded:
            found += folded[value.casefold()]
        elif is_number(value):
            found.append(int(value))
        else:
            raise _unknown(value, list(described.names), f"{where}: no label", "no label has a name")
    return tuple(dict.fromkeys(found))


def table_of_names(wanted: ClassSettings, known: Mapping[str, Role], where: str) -> ClassTable:
    """The classes of masks with names, such as structures, segments, or files of their own.

    known: names and what every_class takes them for. Raises ValueError that says where: no such name, a value of
    ignored voxels, which masks do not have.
    """
    folded = {name.casefold(): name for name in known}
    check_nothing_ignored(wanted, where)
    classes = dict(wanted.classes)
    for name, its in classes.items():
        for value in its.values:
            if str(value).casefold() not in folded:
                raise _unknown(str(value), list(known), f"{where}: classes.{name}: no mask", "there is none")
    if wanted.every_class:
        taken = {folded[str(value).casefold()] for its in classes.values() for value in its.values}
        for name, role in known.items():
            if name not in taken:
                check_name_is_free(name, classes, where)
                classes[name] = LabelledClass(values=(name,), role=role)
    try:
        return checked_table({"classes": classes, "regions": wanted.regions})
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def check_name_is_free(name: str, classes: Mapping[str, LabelledClass], where: str) -> None:
    """Raise ValueError that says where, if every_class would put a mask in the place of a class of its name."""
    if name in classes:
        raise ValueError(f"{where}: mask {name} is in no class, and there is one of its name; rename it")


def check_nothing_ignored(wanted: ClassSettings, where: str) -> None:
    """Raise ValueError that says where, if masks are to have a value of ignored voxels."""
    if wanted.ignore is not None:
        raise ValueError(f"{where}: a mask a class has no value of ignored voxels; leave ignore out")


def table_of_vessels(values: Sequence[Value], ignore: int | None) -> ClassTable:
    """One class of vessels of those labels, and what is ignored; raises ValueError where a label is both."""
    return checked_table({"classes": {VESSEL: LabelledClass(values=tuple(values))}, "ignore": ignore})


def _unknown(value: str, known: list[str], what: str, none: str) -> ValueError:
    near = mistyped(value, known)
    listed = f"it has {', '.join(known)}" if known else none
    return ValueError(f"{what} {value!r}; {f'did you mean {near}?' if near else listed}")
