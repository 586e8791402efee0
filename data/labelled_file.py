"""A file with several structures in it, told apart by number or name: label maps, segmentations of 3D Slicer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ramify.data.class_maps import ClassedLabels, of_masks, of_values
from ramify.data.dicom import read_series
from ramify.data.files import read_label_map, read_mask
from ramify.data.formats.slicer import Segment, describe_segments, read_segment, read_segments, segments
from ramify.data.formats.whole_numbers import as_labels, as_mask
from ramify.data.label_names import (
    ANY,
    UNDESCRIBED,
    DataSetLabels,
    check_listed,
    choose_labels,
    is_number,
    labels_beside,
)
from ramify.data.large_arrays import slabs
from ramify.data.volume import Volume
from ramify.tasks.class_table import ClassTable, Value

_SHOWN = 8
NO_LABEL = "holds no"
"""In the note on a label map without the labels that are asked of it."""

Choice = Sequence[int | str]
"""Labels by number, or segments by name; ANY for all that are not 0."""


@dataclass(frozen=True)
class LabelledFile:
    """Masks by the labels of a file.

    path: a volume file, or a folder with one DICOM series.
    spacing_mm: (z, y, x) in place of the file's.
    described: what its numbers are called; None looks for a dataset.json beside it.
    described_in: the file that says so, for errors.
    offer: what else may be done where one label has to be chosen, for errors.
    """

    path: Path
    spacing_mm: Sequence[float] | None = None
    described: DataSetLabels | None = None
    described_in: Path | None = None
    offer: str = ""

    @cached_property
    def segments(self) -> list[Segment]:
        """Its segments, if 3D Slicer wrote it."""
        return [] if self.path.is_dir() else segments(self.path)

    @cached_property
    def label_map(self) -> Volume:
        """Its numbers, int32; raises as `data.files.read_label_map`."""
        if not self.path.is_dir():
            return read_label_map(self.path, self.spacing_mm)
        series = read_series(self.path, True, self.spacing_mm)
        return series.with_array(as_labels(series.array, str(self.path)))

    @cached_property
    def names(self) -> dict[str, tuple[int, ...]]:
        """What its numbers are called, as far as that was given with it; nothing is looked up."""
        return {} if self.segments or self.described is None else dict(self.described.names)

    @cached_property
    def looked_up(self) -> DataSetLabels:
        """What its numbers are called, by what was given with it, or else by a dataset.json beside it.

        Raises ValueError or OSError that names a dataset.json which cannot be read.
        """
        return labels_beside(self.path) if self.described is None else self.described

    def choose(self, wanted: Sequence[str], what: str, option: str) -> Choice | None:
        """The wanted labels by number, or segments by name; None where the file is to be one plain mask.

        Without any wanted, the only one there is.

        Args:
            wanted: numbers, or names in any case; `any` for all labels there are.
            what: of what it is the mask (`organ`, `vessels`), for errors.
            option: where the labels are chosen, for errors.

        Raises:
            ValueError or OSError that names the file: no such label or segment, or several and none chosen.
        """
        if self.segments:
            return self._choose_segments(wanted, what, option)
        numbers_alone = self.described is None and all(map(is_number, wanted))
        described = UNDESCRIBED if numbers_alone else self.looked_up
        if list(wanted) == [ANY] and ANY not in described.names:
            return [ANY]
        if not wanted and not described.names:
            return None
        chosen = choose_labels(wanted, described.names, str(self.described_in or self.path), option, self.offer)
        if self.described_in is not None:
            check_listed(chosen, described, str(self.described_in), option)
        return list(chosen)

    def with_inside(self, organ: Choice, inside: Choice) -> list[int | str]:
        """The labels of an organ with those of what lies in it, such as its vessels.

        A voxel of a label map has one label, so that those of a vessel are none of the organ's label although they lie
        in the organ. Where the organ names one of them by itself, it is as it says; so are segments of different
        layers, which may overlap.
        """
        if not self.segments:
            apart = not {ANY, *inside} & set(organ)
            return [*organ, *(inside if apart else ())]
        ours, theirs = self._segments_of(organ), self._segments_of(inside)
        layers = {one.layer for one in self.segments if one.name in ours}
        beside = {one.name for one in self.segments if one.layer in layers}
        return [*organ, *(name for name in theirs if name in beside and not {*theirs} & {*ours})]

    def mask(self, choice: Choice | None, what: str, option: str) -> Volume:
        """The voxels of the chosen labels, bool (*S); noted where the file has others and none of these.

        Raises ValueError or OSError that names the file: damaged, or a label map where a plain mask is expected.
        """
        if self.segments:
            return read_segment(self.path, [str(name) for name in choice or ()], self.spacing_mm)
        if choice == [ANY]:
            return self.label_map.with_array(self.label_map.array != 0)
        if choice is not None:
            return self._pick([int(number) for number in choice], what, option)
        pick = f"say which of them are the {what} with {option}{self.offer}"
        if not self.path.is_dir():
            return read_mask(self.path, self.spacing_mm, pick)
        series = read_series(self.path, True, self.spacing_mm)
        return series.with_array(as_mask(series.array, str(self.path), pick))

    def structures(self, chosen: Choice, option: str) -> dict[str, Volume]:
        """Every label with a name, or each of several that were chosen, bool."""
        if self.names:
            # Without their notes: a patient without a tumour is nothing to be told of.
            named = {name: self.mask(list(ids), name, option) for name, ids in self.names.items()}
            return {name: replace(mask, notes=()) for name, mask in named.items()}
        if len(chosen) < 2:
            return {}
        return {f"label_{one}" if isinstance(one, int) else one: self.mask([one], str(one), option) for one in chosen}

    def classed(self, table: ClassTable, background: Sequence[Value] | None) -> ClassedLabels:
        """The class map of the file.

        Args:
            table: its classes; of a label map, all by number.
            background: labels that are background beside 0; None: all that are in no class.

        Raises:
            ValueError or OSError that names the file: damaged, or without a segment of a class of vessels.
        """
        if not self.segments:
            numbers = None if background is None else [value for value in background if isinstance(value, int)]
            return of_values(self.label_map, table, numbers, {} if self.described is None else self.described.names)
        groups = {name: self._segments_of(its.values) for name, its in table.classes.items()}
        for name, its in table.classes.items():
            if not groups[name] and its.role == "vessel":
                raise ValueError(
                    f"{self.path}: no segment {' or '.join(map(str, its.values))} of class {name}; it has "
                    f"{describe_segments(self.segments)}; add it, an empty one where there is no such vessel"
                )
        listed = {name for group in (*groups.values(), self._segments_of(background or ())) for name in group}
        groups |= {one.name: [one.name] for one in self.segments if one.name not in listed}
        groups = {name: group for name, group in groups.items() if group}
        masks = dict(zip(groups, read_segments(self.path, list(groups.values()), self.spacing_mm), strict=True))
        return of_masks(masks, next(iter(masks.values())), table)

    def _segments_of(self, values: Sequence[Value]) -> list[str]:
        """Names of the segments that are called so, or have that value."""
        called = {str(value).casefold() for value in values}
        return [one.name for one in self.segments if one.name.casefold() in called or str(one.value) in called]

    def check_there(self, chosen: Choice, option: str) -> None:
        """Raise ValueError for a number that neither the map has nor its dataset.json, though that lists others.

        A label that is listed may be in other maps; and one that is not listed is as good where it is there.
        """
        array = self.label_map.array
        numbers = [label for label in chosen if isinstance(label, int)]
        if absent := [number for number in numbers if not (array == number).any()]:
            check_listed(absent, self.looked_up, str(self.path), option)

    def _pick(self, numbers: Sequence[int], what: str, option: str) -> Volume:
        self.check_there(numbers, option)
        array = self.label_map.array
        chosen = np.empty(array.shape, dtype=bool)
        for rows in slabs(array):
            chosen[rows] = np.isin(array[rows], np.asarray(numbers, dtype=array.dtype))
        mask = self.label_map.with_array(chosen)
        if mask.array.any() or not array.any():
            return mask
        found = np.unique(array[array != 0])
        shown = ", ".join(map(str, found[:_SHOWN])) + (", ..." if len(found) > _SHOWN else "")
        none = f"{self.path.name} {NO_LABEL} {what} (label {' or '.join(map(str, numbers))}); it has {shown}"
        return replace(mask, notes=(*mask.notes, none))

    def _choose_segments(self, wanted: Sequence[str], what: str, option: str) -> list[str]:
        """Names of the wanted segments; one may be given by its number, where a single segment has it."""
        listed = describe_segments(self.segments)
        if not wanted and len(self.segments) > 1:
            raise ValueError(
                f"{self.path}: {len(self.segments)} segments ({listed}) where one mask is expected; say which of them "
                f"are the {what} with {option}{self.offer}"
            )
        known = {segment.name.casefold() for segment in self.segments}
        names = []
        for label in wanted or [self.segments[0].name]:
            of_value = [segment.name for segment in self.segments if str(segment.value) == label]
            if label.casefold() not in known and len(of_value) != 1:
                raise ValueError(f"{self.path}: no segment called {label!r} ({option}); it has {listed}")
            names.append(label if label.casefold() in known else of_value[0])
        return names
