"""Masks in files of their own, one for each structure: told apart by the name that each is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ramify.data.class_maps import ClassedLabels, masks_by_class, of_masks
from ramify.data.files import read_mask
from ramify.data.labelled_file import Choice
from ramify.data.near_names import mistyped
from ramify.data.raw_case import place_mask
from ramify.data.volume import Volume
from ramify.tasks.class_table import ClassTable, Value


@dataclass(frozen=True)
class MaskFiles:
    """The masks of a case by name; all lie on one grid.

    files: at least one. spacing_mm: (z, y, x) in place of the files'. offer: what else may be done where some have to
    be chosen, for errors.
    """

    files: Mapping[str, Path]
    spacing_mm: Sequence[float] | None = None
    offer: str = ""

    @property
    def path(self) -> Path:
        """The first file."""
        return next(iter(self.files.values()))

    @property
    def names(self) -> dict[str, tuple[int, ...]]:
        """Labels with numbers: none, masks have names alone."""
        return {}

    @cached_property
    def _first(self) -> Volume:
        return read_mask(self.path, self.spacing_mm)

    def choose(self, wanted: Sequence[str], what: str, option: str) -> Choice:
        """The wanted masks by name (in any case); raises ValueError for one that there is not, or none chosen."""
        listed = ", ".join(self.files)
        if not wanted and len(self.files) > 1:
            raise ValueError(
                f"{self.path}: {len(self.files)} masks ({listed}) where one is expected; say which of them are the "
                f"{what} with {option}{self.offer}"
            )
        by_name = {name.casefold(): name for name in self.files}
        for name in wanted:
            if name.casefold() not in by_name:
                near = mistyped(name, self.files)
                hint = f"did you mean {near}?" if near else f"there are {listed}"
                raise ValueError(f"{self.path}: no mask {name!r} ({option}); {hint}")
        return [by_name[name.casefold()] for name in wanted or self.files]

    def with_inside(self, organ: Choice, inside: Choice) -> list[int | str]:
        """The organ's masks as they are: those in files of their own may overlap."""
        return list(organ)

    def mask(self, choice: Choice | None, what: str, option: str) -> Volume:
        """The voxels of any of the chosen masks, bool (*S); raises ValueError or OSError that names the file."""
        masks = [self._read(str(name)) for name in choice or self.files]
        return masks[0].with_array(np.logical_or.reduce([mask.array for mask in masks]))

    def structures(self, chosen: Choice, option: str) -> dict[str, Volume]:
        """Each mask by itself."""
        return {name: self._read(name) for name in self.files} if len(self.files) > 1 else {}

    def classed(self, table: ClassTable, background: Sequence[Value] | None) -> ClassedLabels:
        """The class map of the masks that the table names; raises as `mask`. The others are not looked at."""
        wanted = {str(value).casefold() for its in table.classes.values() for value in its.values}
        masks = {name: self._read(name) for name in self.files if name.casefold() in wanted}
        return of_masks(masks_by_class(table, masks), self._first, table)

    def _read(self, name: str) -> Volume:
        if self.files[name] == self.path:
            return self._first
        mask = read_mask(self.files[name], self.spacing_mm)
        return place_mask(mask, self._first, str(self.files[name]), resample=False, image_name=self.path.name)
