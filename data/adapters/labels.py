"""Image and label map in files: which labels are vessels, which are the organ, and the case they make."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from data.files import case_name, read_label_map, read_mask, read_volume, volume_suffix
from data.raw_case import RawCase, place_mask
from data.volume import Volume

Labels = Mapping[str, tuple[int, ...]]
"""Name of a label -> its number in the label map; several numbers for a region made of labels."""


class LabelSettings(BaseModel, frozen=True, extra="forbid"):
    """Which labels are the vessels, and where the organ is."""

    vessel_labels: tuple[str, ...] = ()
    """Names or numbers of the labels that are vessels; none takes the only label there is."""
    organ_labels: tuple[str, ...] = ()
    """Names or numbers of the labels that are the organ: in the organ file if there is one, else in the label map."""


@dataclass(frozen=True)
class LabelChoice:
    """The labels by number: vessels (None: the file is a plain mask), organ, and those to keep as structures."""

    vessels: list[int] | None
    organ: list[int]
    named: Labels

    def describe(self) -> dict[str, Any]:
        """All of it as plain data."""
        named = {name: list(ids) for name, ids in self.named.items()}
        return {"vessel_labels": self.vessels, "organ_labels": self.organ, "labels": named}


@dataclass(frozen=True)
class CaseFiles:
    """The files of one case."""

    image: Path
    label: Path
    organ: Path | None = None

    def present(self) -> list[Path]:
        return [path for path in (self.image, self.label, self.organ) if path is not None]


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
            ids = tuple(int(number) for number in (numbers if isinstance(numbers, list) else [numbers]))
        except (TypeError, ValueError):
            raise ValueError(f"{path}: label {key!r} is {value!r} where a number is expected; correct it") from None
        if name not in ("ignore", "background") and ids != (0,):
            labels[name] = ids
    return labels


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
        elif label.isdigit() and int(label) > 0:
            numbers.add(int(label))
        else:
            near = difflib.get_close_matches(label.casefold(), list(folded), n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {listed}"
            raise ValueError(f"{name}: no label {label!r} ({setting}); {hint}")
    return sorted(numbers)


def choose_all(settings: LabelSettings, labels: Labels, name: str, dataset: str) -> LabelChoice:
    """The settings' labels by number; with neither wanted nor known vessel labels, a plain mask is expected."""
    vessels = (
        choose_labels(settings.vessel_labels, labels, name, f"--{dataset}.vessel-labels")
        if settings.vessel_labels or labels
        else None
    )
    organ = (
        choose_labels(settings.organ_labels, labels, name, f"--{dataset}.organ-labels") if settings.organ_labels else []
    )
    return LabelChoice(vessels, organ, labels)


def read_labelled_case(
    case_id: str,
    files: CaseFiles,
    choice: LabelChoice,
    resample_masks: bool,
    origin: Mapping[str, Any],
    spacing_mm: Sequence[float] | None = None,
) -> RawCase:
    """Read image, label map and organ of a case onto the image's grid.

    The organ is the organ file (its chosen labels, or a plain mask), or else the chosen labels of the label map, or
    else none. spacing_mm: (z, y, x) in place of the files'. origin: the case's provenance.
    Raises ValueError or OSError that names the file at fault.
    """
    image = read_volume(files.image, spacing_mm)

    def place(volume: Volume, what: str) -> Volume:
        return place_mask(volume, image, f"case {case_id}, {what}", resample_masks)

    structures: dict[str, Volume] = {}
    organ: Volume | None = None
    organ_inside = bool(choice.organ) and files.organ is None
    if choice.vessels is None and not organ_inside:
        vessels = place(read_mask(files.label, spacing_mm), files.label.name)
    else:
        label_map = read_label_map(files.label, spacing_mm)
        chosen = [1] if choice.vessels is None else choice.vessels
        vessels = place(_pick(label_map, chosen), files.label.name)
        kept = choice.named or ({f"label_{number}": (number,) for number in chosen} if len(chosen) > 1 else {})
        structures = {name: place(_pick(label_map, ids), name) for name, ids in kept.items()}
        if organ_inside:
            organ = place(_pick(label_map, choice.organ), f"organ in {files.label.name}")
    if files.organ is not None:
        mask = (
            _pick(read_label_map(files.organ, spacing_mm), choice.organ)
            if choice.organ
            else read_mask(files.organ, spacing_mm)
        )
        organ = place(mask, f"organ {files.organ.name}")
    return RawCase(case_id, case_id, image, organ, vessels, structures, origin)


def find_organ(folder: Path | None, case_id: str) -> Path | None:
    """The case's file in a folder of organ masks, by its name; None without a folder.

    Raises FileNotFoundError for a missing folder or file, ValueError where two files fit.
    """
    if folder is None:
        return None
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder of organ masks; correct the setting organs")
    found = sorted(path for path in folder.iterdir() if volume_suffix(path) and case_name(path) == case_id)
    if not found:
        raise FileNotFoundError(
            f"{folder}: holds no organ mask of case {case_id}; expected {case_id}.nii.gz or the like"
        )
    if len(found) > 1:
        raise ValueError(f"{folder}: {found[0].name} and {found[1].name} are both of case {case_id}; keep one")
    return found[0]


def _pick(label_map: Volume, ids: Sequence[int]) -> Volume:
    return label_map.with_array(np.isin(label_map.array, np.asarray(ids, dtype=label_map.array.dtype)))
