"""A file with several structures in it, told apart by number or name: label maps, segmentations of 3D Slicer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ramify.data.dicom import read_series
from ramify.data.files import read_label_map, read_mask
from ramify.data.formats.slicer import Segment, describe_segments, read_segment, segments
from ramify.data.formats.whole_numbers import as_labels, as_mask
from ramify.data.label_names import Labels, choose_labels, is_number, labels_beside
from ramify.data.volume import Volume

_SHOWN = 8

Choice = Sequence[int | str]
"""Labels by number, or segments by name."""


@dataclass(frozen=True)
class LabelledFile:
    """Masks by the labels of a file.

    path: a volume file, or a folder with one DICOM series.
    spacing_mm: (z, y, x) in place of the file's.
    names: what its numbers are called; None looks for a dataset.json beside it.
    names_from: the file that says so, for errors.
    """

    path: Path
    spacing_mm: Sequence[float] | None = None
    names: Labels | None = None
    names_from: Path | None = None

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

    def choose(self, wanted: Sequence[str], what: str, option: str) -> Choice | None:
        """The wanted labels by number, or segments by name; None where the file is to be one plain mask.

        Without any wanted, the only one there is.

        Args:
            wanted: numbers, or names in any case.
            what: of what it is the mask (`organ`, `vessels`), for errors.
            option: where the labels are chosen, for errors.

        Raises:
            ValueError or OSError that names the file: no such label or segment, or several and none chosen.
        """
        if self.segments:
            return self._choose_segments(wanted, what, option)
        names = self.names
        if names is None:
            names = {} if all(map(is_number, wanted)) else labels_beside(self.path)
        return choose_labels(wanted, names, str(self.names_from or self.path), option) if wanted or names else None

    def mask(self, choice: Choice | None, what: str, option: str) -> Volume:
        """The voxels of the chosen labels, bool (*S); noted where the file has others and none of these.

        Raises ValueError or OSError that names the file: damaged, or a label map where a plain mask is expected.
        """
        if self.segments:
            return read_segment(self.path, [str(name) for name in choice or ()], self.spacing_mm)
        if choice is not None:
            return self._pick([int(number) for number in choice], what)
        pick = f"say which of them are the {what} with {option}"
        if not self.path.is_dir():
            return read_mask(self.path, self.spacing_mm, pick)
        series = read_series(self.path, True, self.spacing_mm)
        return series.with_array(as_mask(series.array, str(self.path), pick))

    def _pick(self, numbers: Sequence[int], what: str) -> Volume:
        array = self.label_map.array
        mask = self.label_map.with_array(np.isin(array, np.asarray(numbers, dtype=array.dtype)))
        if mask.array.any() or not array.any():
            return mask
        found = np.unique(array[array != 0])
        shown = ", ".join(map(str, found[:_SHOWN])) + (", ..." if len(found) > _SHOWN else "")
        none = f"{self.path.name} holds no {what} (label {' or '.join(map(str, numbers))}); it has {shown}"
        return replace(mask, notes=(*mask.notes, none))

    def _choose_segments(self, wanted: Sequence[str], what: str, option: str) -> list[str]:
        """Names of the wanted segments; one may be given by its number, where a single segment has it."""
        listed = describe_segments(self.segments)
        if not wanted and len(self.segments) > 1:
            raise ValueError(
                f"{self.path}: {len(self.segments)} segments ({listed}) where one mask is expected; say which of them "
                f"are the {what} with {option}"
            )
        known = {segment.name.casefold() for segment in self.segments}
        names = []
        for label in wanted or [self.segments[0].name]:
            of_value = [segment.name for segment in self.segments if str(segment.value) == label]
            if label.casefold() not in known and len(of_value) != 1:
                raise ValueError(f"{self.path}: no segment called {label!r} ({option}); it has {listed}")
            names.append(label if label.casefold() in known else of_value[0])
        return names
