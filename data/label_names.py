"""Labels of a label map by name: from a dataset.json, or as numbers."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ramify.disk.json_files import read_json

Labels = Mapping[str, tuple[int, ...]]
"""Name of a label -> its number in the label map; several numbers for a region made of labels."""
DESCRIPTION = "dataset.json"


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


def labels_beside(path: Path) -> Labels:
    """What the dataset.json beside a label map, or beside its folder, calls its labels; none without such a file.

    Raises ValueError that names a dataset.json without labels.
    """
    for folder in path.absolute().parents[:2]:
        if (folder / DESCRIPTION).is_file():
            content = read_json(folder / DESCRIPTION)
            return parse_labels(content if isinstance(content, dict) else {}, folder / DESCRIPTION)
    return {}


def choose_labels(wanted: Sequence[str], labels: Labels, name: str, setting: str) -> list[int]:
    """Numbers of the wanted labels (names in any case, or numbers), sorted.

    None wanted: the only label there is. Raises ValueError that names the setting, with the labels to choose from.
    """
    listed = ", ".join(f"{label} = {' '.join(map(str, ids))}" for label, ids in labels.items()) or "none named"
    if not wanted:
        if len(labels) == 1:
            return sorted(next(iter(labels.values())))
        raise ValueError(f"{name}: which labels are meant? name them with {setting}; it has {listed}")
    folded = {label.casefold(): ids for label, ids in labels.items()}
    numbers: set[int] = set()
    for label in wanted:
        if label.casefold() in folded:
            numbers.update(folded[label.casefold()])
        elif is_number(label):
            numbers.add(int(label))
        else:
            near = difflib.get_close_matches(label.casefold(), list(folded), n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {listed}"
            raise ValueError(f"{name}: no label {label!r} ({setting}); {hint}")
    return sorted(numbers)


def is_number(label: str) -> bool:
    """Whether a label is given by its number, > 0."""
    return label.isascii() and label.isdigit() and int(label) > 0
