"""Labels of a label map by name: from a dataset.json, or as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ramify.data.near_names import mistyped
from ramify.disk.json_files import read_json

Labels = Mapping[str, tuple[int, ...]]
"""Name of a label -> its number in the label map; several numbers for a region made of labels."""
DESCRIPTION = "dataset.json"
ANY = "any"
"""In place of labels: all there are, such as the objects of a map that gives each its own number."""


@dataclass(frozen=True)
class DataSetLabels:
    """What a dataset.json says of the labels.

    names: without background and ignored voxels. ignore: value of voxels that nobody labelled. order: of nnU-Net's
    regions, which label is written for each of them; empty where nothing is said.
    """

    names: Labels
    ignore: int | None = None
    order: tuple[int, ...] = ()

    @property
    def ignored(self) -> tuple[int, ...]:
        """The value of voxels that nobody labelled, if there is one."""
        return () if self.ignore is None else (self.ignore,)

    @property
    def numbers(self) -> frozenset[int]:
        """All that it lists, but background."""
        return frozenset(label for ids in (*self.names.values(), self.ignored) for label in ids)


UNDESCRIBED = DataSetLabels({})


def names_by_number(labels: Labels) -> dict[int, str]:
    """What numbers are called; regions made of several have no number."""
    return {ids[0]: name for name, ids in labels.items() if len(ids) == 1}


def read_description(path: Path) -> dict[str, Any]:
    """A dataset.json; raises ValueError or OSError that names the file: missing, damaged, no table."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a table of the data set, got {content!r:.60}")
    return content


def described_labels(description: Mapping[str, Any], path: Path) -> DataSetLabels:
    """The labels of a dataset.json with what nnU-Net adds to them; raises as parse_labels.

    Also ValueError for an order of regions that does not fit, and ignored voxels of several values.
    """
    names = parse_labels(description, path)
    ignore = None
    for key, value in description["labels"].items():
        if "ignore" in (key, value):
            ignored = parse_labels({"labels": {"ignored": key if value == "ignore" else value}}, path)["ignored"]
            if len(ignored) != 1:
                raise ValueError(f"{path}: label 'ignore' is {value!r} where one number is expected; correct it")
            ignore = ignored[0]
    order = description.get("regions_class_order") or ()
    if order:
        _check_order(order, names, path)
    return DataSetLabels(names, ignore, tuple(order))


def _check_order(order: Any, names: Labels, path: Path) -> None:
    if not isinstance(order, list) or len(order) != len(names):
        raise ValueError(f"{path}: expected {len(names)} labels in regions_class_order, got {order!r:.60}")
    for label, (name, ids) in zip(order, names.items(), strict=True):
        if label not in ids:
            raise ValueError(f"{path}: regions_class_order has {label!r} for {name}, which is {list(ids)}; correct it")


def parse_labels(description: Mapping[str, Any], path: Path) -> Labels:
    """The labels of a dataset.json without the background, in either form: {"1": "vessel"} or {"vessel": 1}.

    Raises ValueError that names the file where there are none, or not numbers.
    """
    given = description.get("labels")
    if not isinstance(given, Mapping) or not given:
        raise ValueError(f'{path}: expected "labels" like {{"background": 0, "vessel": 1}}, got {given!r:.60}')
    labels: dict[str, tuple[int, ...]] = {}
    for key, value in given.items():
        name, numbers = (value, key) if str(key).isdigit() and isinstance(value, str) else (key, value)
        try:
            ids = tuple(_whole(number) for number in (numbers if isinstance(numbers, list) else [numbers]))
        except (ValueError, OverflowError):
            raise ValueError(f"{path}: label {key!r} is {value!r} where a number is expected; correct it") from None
        if name not in ("ignore", "background") and ids != (0,):
            labels[name] = ids
    return labels


def _whole(number: object) -> int:
    """A label's number; ValueError for anything that is only made one by rounding or by being true."""
    if isinstance(number, str):
        return int(number)
    if isinstance(number, bool) or not isinstance(number, int | float) or number != int(number):
        raise ValueError
    return int(number)


def labels_beside(path: Path) -> DataSetLabels:
    """What the dataset.json beside a label map, or beside its folder, says of its labels; nothing without such a file.

    Raises ValueError that names a dataset.json without labels.
    """
    description = description_beside(path)
    return UNDESCRIBED if description is None else described_labels(read_description(description), description)


def description_beside(path: Path) -> Path | None:
    """The dataset.json beside a file, or beside its folder."""
    beside = (folder / DESCRIPTION for folder in path.absolute().parents[:2])
    return next((file for file in beside if file.is_file()), None)


def choose_labels(wanted: Sequence[str], labels: Labels, name: str, setting: str, offer: str = "") -> list[int]:
    """Numbers of the wanted labels (names in any case, or numbers), sorted.

    None wanted: the only label there is. Raises ValueError that names the setting, with the labels to choose from.

    offer: what else may be done where there are several.
    """
    if not wanted:
        if len(labels) == 1:
            return sorted(next(iter(labels.values())))
        raise ValueError(f"{name}: which labels are meant? name them with {setting}{offer}; it has {_listed(labels)}")
    folded = {label.casefold(): ids for label, ids in labels.items()}
    numbers: set[int] = set()
    for label in wanted:
        if label.casefold() in folded:
            numbers.update(folded[label.casefold()])
        elif is_number(label):
            numbers.add(int(label))
        else:
            near = mistyped(label, labels)
            hint = f"did you mean {near}?" if near else f"it has {_listed(labels)}"
            raise ValueError(f"{name}: no label {label!r} ({setting}); {hint}")
    return sorted(numbers)


def check_listed(numbers: Sequence[int], described: DataSetLabels, name: str, setting: str) -> None:
    """Raise ValueError for a label that a description does not list, though it lists others."""
    unlisted = [number for number in numbers if number not in described.numbers]
    if described.names and unlisted:
        raise ValueError(f"{name}: no label {unlisted[0]} ({setting}); it has {_listed(described.names)}")


def _listed(labels: Labels) -> str:
    return ", ".join(f"{label} = {' '.join(map(str, ids))}" for label, ids in labels.items()) or "none named"


def is_number(label: str) -> bool:
    """Whether a label is given by its number, > 0."""
    return label.isascii() and label.isdigit() and int(label) > 0


def described_channels(description: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    """The channels that a dataset.json names, by number: nnU-Net's channel_names, or modality as in the Decathlon.

    Names that are there twice, which nnU-Net takes for the same scaling, are told apart by number. Raises ValueError
    that names the file where they are no names of 0, 1, 2, ...
    """
    given = description.get("channel_names", description.get("modality")) or {}
    if isinstance(given, list):
        given = {str(number): name for number, name in enumerate(given)}
    if not isinstance(given, Mapping) or sorted(given) != sorted(map(str, range(len(given)))):
        raise ValueError(f'{path}: expected channel_names like {{"0": "CT"}}, got {given!r:.60}; correct it')
    names = [str(given[str(number)]) for number in range(len(given))]
    return tuple(f"{name}_{number}" if names.count(name) > 1 or not name else name for number, name in enumerate(names))


def channels_beside(path: Path) -> tuple[str, ...]:
    """The channels that a dataset.json beside an image, or beside its folder, names; none without such a file."""
    description = description_beside(path)
    return () if description is None else described_channels(read_description(description), description)
