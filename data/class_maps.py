"""Class maps out of labels: from the values of a label map, or from a mask a class; what does not fit is counted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.data.label_names import Labels, names_by_number
from ramify.data.raw_case import place_mask
from ramify.data.volume import Volume
from ramify.tasks.class_table import ClassTable

_MOST_COUNTED = 1 << 20
_SHOWN_CASES = 5
_UNLISTED = "give it a class (classes, in a YAML file), or name it under --background"
_OVERLAP = "mend the masks, or make one class of both"


@dataclass(frozen=True)
class Fault:
    """What is wrong with a case, such as labels that do not fit the table of classes, with how many voxels, and the
    remedy.

    voxels: 0 where it is not about single ones.
    """

    what: str
    voxels: int
    remedy: str


@dataclass(frozen=True, eq=False)
class ClassedLabels:
    """The labels of a case by the table of classes.

    classes: class map, uint8, on the labels' own grid. organ: bool on the same grid, or None where no class is the
    organ. faults: what does not fit; these voxels are background.
    """

    classes: Volume
    organ: Volume | None
    faults: tuple[Fault, ...] = ()

    def placed_on(self, image: Volume, name: str, resample: bool) -> ClassedLabels:
        """The same on an image's grid; raises as `place_mask`."""
        organ = None if self.organ is None else place_mask(self.organ, image, f"{name}, organ", resample)
        return replace(self, classes=place_mask(self.classes, image, name, resample), organ=organ)


def of_values(labels: Volume, table: ClassTable, background: Collection[int] | None, names: Labels) -> ClassedLabels:
    """The classes of a label map (int32).

    background: values beside 0 that are background; None: all that are in no class. names: of values, for faults.
    """
    numbers = table.numbers_by_value()
    organ_values = [value for name in table.organs for value in table.classes[name].values if isinstance(value, int)]
    values, counts = _counted(labels.array)
    known = {0, *numbers, *organ_values, *(background or ())}
    by_value = names_by_number(names)
    faults = [
        Fault(f"label {value}{f' ({by_value[value]})' if value in by_value else ''} is in no class", count, _UNLISTED)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True)
        if background is not None and value not in known
    ]
    there = [value for value in values.tolist() if value in numbers]
    classes = _looked_up(labels.array, {value: numbers[value] for value in there})
    organ = labels.with_array(np.isin(labels.array, organ_values)) if organ_values else None
    return ClassedLabels(labels.with_array(classes), organ, tuple(faults))


def of_masks(masks: Mapping[str, Volume], grid: Volume, table: ClassTable) -> ClassedLabels:
    """The classes of a mask (bool) a class, all on the grid; a class without a mask has no voxel.

    A mask of another name is in no class: a fault where it has voxels.
    """
    classes = np.zeros(grid.shape, np.uint8)
    faults = []
    for number, name in enumerate(table.names, 1):
        if name not in masks:
            continue
        inside = masks[name].array
        values, counts = np.unique(classes[inside], return_counts=True)
        for other, count in zip(values.tolist(), counts.tolist(), strict=True):
            if other:
                faults.append(Fault(f"{table.names[other - 1]} and {name} overlap", count, _OVERLAP))
        classes[inside] = number
    for name in (name for name in masks if name not in table.classes):
        if count := int(np.count_nonzero(masks[name].array)):
            faults.append(Fault(f"{name} is in no class", count, _UNLISTED))
    organs = [masks[name].array for name in table.organs if name in masks]
    organ = grid.with_array(np.logical_or.reduce(organs)) if organs else None
    notes = tuple(dict.fromkeys(note for mask in masks.values() for note in mask.notes))
    return ClassedLabels(replace(grid, array=classes, notes=notes), organ, tuple(faults))


def masks_by_class(table: ClassTable, masks: Mapping[str, Volume]) -> dict[str, Volume]:
    """The mask (bool) of each class whose values are names of masks (in any case), of which several are one class.

    A class none of whose masks is there is left out.
    """
    by_name = {name.casefold(): mask for name, mask in masks.items()}
    found: dict[str, Volume] = {}
    for name, its in table.classes.items():
        those = [by_name[value] for value in (str(one).casefold() for one in its.values) if value in by_name]
        if those:
            found[name] = those[0].with_array(np.logical_or.reduce([mask.array for mask in those]))
    return found


def describe_faults(faults: Mapping[str, Sequence[Fault]]) -> list[str]:
    """A line for each thing that is wrong with the labels, with its voxels in each case.

    faults: case id -> what is wrong there.
    """
    places: dict[tuple[str, str, str], list[str]] = {}
    for case_id, of_case in faults.items():
        for fault in of_case:
            where = f"{fault.voxels:,} in {case_id}" if fault.voxels else case_id
            places.setdefault((fault.what, fault.remedy, "voxels: " if fault.voxels else "in "), []).append(where)
    return [
        f"{what} ({how}{', '.join(found[:_SHOWN_CASES])}"
        f"{f', and in {len(found) - _SHOWN_CASES} more cases' if len(found) > _SHOWN_CASES else ''}); {remedy}"
        for (what, remedy, how), found in places.items()
    ]


def check_no_fault(case_id: str, faults: Sequence[Fault]) -> None:
    """Raise ValueError, in one line, where labels of a case do not fit."""
    if faults:
        told = (f"{fault.what} ({fault.voxels:,} voxels); {fault.remedy}" for fault in faults)
        raise ValueError(f"case {case_id}: {'; and '.join(told)}")


def _counted(array: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The values there are, sorted, and how often each is there."""
    lowest, highest = int(array.min()), int(array.max())
    if highest - lowest >= _MOST_COUNTED:
        return np.unique(array, return_counts=True)
    counts = np.bincount((array - lowest).reshape(-1))
    there = np.flatnonzero(counts)
    return there + lowest, counts[there]


def _looked_up(array: NDArray[Any], numbers: Mapping[int, int]) -> NDArray[np.uint8]:
    """The class number of each value, 0 for others."""
    lowest, highest = int(array.min()), int(array.max())
    if highest - lowest < _MOST_COUNTED:
        table = np.zeros(highest - lowest + 1, np.uint8)
        for value, number in numbers.items():
            table[value - lowest] = number
        numbered: NDArray[np.uint8] = table[array - lowest]
        return numbered
    classes = np.zeros(array.shape, np.uint8)
    for value, number in numbers.items():
        classes[array == value] = number
    return classes
