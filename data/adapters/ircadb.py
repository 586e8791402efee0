"""3D-IRCADb-01 exactly as it ships: 20 CTs as DICOM with one folder of mask slices a structure.

ROOT/3Dircadb1.N/PATIENT_DICOM/image_*             folders, or PATIENT_DICOM.zip, MASKS_DICOM.zip in their place,
ROOT/3Dircadb1.N/MASKS_DICOM/<structure>/image_*   or MASKS_DICOM/<structure>.zip;
ROOT/3Dircadb1.N.zip, .tar.xz, .tar.gz             or all of a case in one archive
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ramify.data.adapters.base import DataSet, check_root, unknown_case
from ramify.data.adapters.class_choice import classed_case
from ramify.data.adapters.class_settings import (
    NO_CLASSES,
    ClassSettings,
    check_name_is_free,
    check_nothing_ignored,
    checked_table,
)
from ramify.data.adapters.form_settings import IrcadbSettings
from ramify.data.adapters.ircadb_folders import LAYOUT, Folders, holds_case, shipped
from ramify.data.adapters.ircadb_structures import OPTIONAL, ORGAN, PRESETS, STRUCTURES, group_of, is_meant
from ramify.data.adapters.likely_form import hint_of_root
from ramify.data.archives import archive_name
from ramify.data.class_maps import ClassedLabels, Fault, check_no_fault, of_masks
from ramify.data.dicom import read_series
from ramify.data.file_names import natural_order
from ramify.data.formats.channels import ONLY_CHANNEL
from ramify.data.formats.whole_numbers import as_mask
from ramify.data.raw_case import RawCase, place_mask
from ramify.data.sources import CaseSources, provenance
from ramify.data.volume import Volume
from ramify.disk.system_files import is_left_by_system
from ramify.processes.temporary import temporary_folder
from ramify.tasks.class_table import ClassTable, LabelledClass, Role


@dataclass(frozen=True)
class IrcadbAdapter:
    """The cases of 3D-IRCADb-01 under `root`; archives are unpacked to a temporary folder and that is removed."""

    root: Path
    settings: IrcadbSettings
    resample_masks: bool = False
    classes: ClassSettings = NO_CLASSES

    def case_ids(self) -> list[str]:
        return sorted(self._places(), key=natural_order)

    def sources(self, case_id: str) -> CaseSources:
        paths = tuple(shipped(self._place(case_id), self._wanted))
        chosen = {"vessels": self._preset} if self._table is None else {"classes": self._table.model_dump(mode="json")}
        return CaseSources(self.root, paths, {**chosen, "resample_masks": self.resample_masks})

    def faults(self, case_id: str) -> tuple[Fault, ...]:
        """What does not fit in the masks of a case that lies unpacked; in archives that takes as long as reading."""
        place = self._place(case_id)
        if self._table is None or not place.is_dir():
            return ()
        with temporary_folder("archive") as temporary:
            folders = Folders(place, temporary, self._wanted)
            names = sorted(folders.structures)
            if not names:
                return ()
            masks = {name: read_series(folders.structures[name], mask=True) for name in names}
            masks = {name: mask.with_array(as_mask(mask.array, name)) for name, mask in masks.items()}
            grid = masks[names[0]]
            if any(mask.shape != grid.shape for mask in masks.values()):
                return ()  # reading the case says where they lie
            return self._classed(place, grid, masks, self._table).faults

    def load(self, case_id: str) -> RawCase:
        place = self._place(case_id)
        with temporary_folder("archive") as temporary:
            folders = Folders(place, temporary, self._wanted)
            try:
                return self._read(case_id, place, folders)
            except ValueError as error:
                raise ValueError(folders.as_shipped(str(error))) from None

    @property
    def _preset(self) -> str:
        return "portal+hepatic+artery" if self.settings.vessels == "+artery" else self.settings.vessels

    @cached_property
    def _table(self) -> ClassTable | None:
        """The classes that are told apart; their values are names of structures."""
        if not self.classes.is_given:
            return None
        if self.settings != IrcadbSettings():
            raise ValueError("classes and --ircadb.vessels both say what the vessels are; give one of them")
        check_nothing_ignored(self.classes, "3D-IRCADb")
        classes = dict(self.classes.classes)
        if self.classes.every_class:
            taken = {str(value) for its in classes.values() for value in its.values}
            for group in STRUCTURES:
                if group not in taken and group != ORGAN:
                    check_name_is_free(group, classes, "3D-IRCADb")
                    role: Role = "vessel" if group in PRESETS["portal+hepatic+artery"] else "context"
                    classes[group] = LabelledClass(values=(group,), role=role)
        return checked_table({"classes": classes, "regions": self.classes.regions})

    def _wanted(self, structure: str) -> bool:
        """Whether the masks of a structure are read."""
        named = () if self._table is None else [value for its in self._table.classes.values() for value in its.values]
        return group_of(structure) is not None or any(is_meant(str(value), structure) for value in named)

    def _place(self, case_id: str) -> Path:
        places = self._places()
        if case_id not in places:
            raise unknown_case(case_id, sorted(places, key=natural_order), self.root)
        return places[case_id]

    def _places(self) -> dict[str, Path]:
        """Case id -> its folder or archive; a folder goes before an archive of the same case."""
        check_root(self.root, LAYOUT)
        if holds_case(self.root):
            return {archive_name(self.root) or self.root.name: self.root}
        entries = sorted(self.root.iterdir(), key=lambda path: path.is_dir()) if self.root.is_dir() else []
        places = {
            (path.name if path.is_dir() else archive_name(path) or path.name): path
            for path in entries
            if not is_left_by_system(path) and holds_case(path)
        }
        if not places:
            hint = hint_of_root(self.root, "ircadb")
            raise ValueError(f"{self.root}: holds no case of 3D-IRCADb; --root names the folder with {LAYOUT}{hint}")
        return places

    def _read(self, case_id: str, place: Path, folders: Folders) -> RawCase:
        if self._table is not None:
            return self._read_classes(case_id, place, folders, self._table)
        preset = self._preset
        groups = _by_group(folders.structures)
        for group in PRESETS[preset]:
            if group not in groups and group not in OPTIONAL:
                raise ValueError(
                    f"{place}: no mask of the {group} vein{'s' * (group == 'hepatic')} among "
                    f"{', '.join(sorted(folders.seen)) or 'no structure'}; choose other vessels or complete the case"
                )
        image = read_series(folders.image)
        masks = {
            name: self._read_mask(folders.structures[name], image, f"case {case_id}, {name}")
            for group, names in groups.items()
            for name in names
        }
        vessels = _union(image, [masks[name] for group in PRESETS[preset] for name in groups.get(group, ())])
        structures = {name: masks[name] for group in PRESETS["portal+hepatic+artery"] for name in groups.get(group, ())}
        if "tumours" in groups:
            structures["tumours"] = _union(image, [masks[name] for name in groups["tumours"]])
        chosen = {"vessel_structures": {group: groups.get(group, []) for group in PRESETS[preset]}}
        return RawCase(
            case_id=case_id,
            patient_id=case_id,
            images={ONLY_CHANNEL: image},
            organ=masks.get(ORGAN),
            vessels=vessels,
            structures=structures,
            provenance=provenance("ircadb", self.sources(case_id), chosen),
        )

    def _read_classes(self, case_id: str, place: Path, folders: Folders, table: ClassTable) -> RawCase:
        image = read_series(folders.image)
        masks = {
            name: self._read_mask(folder, image, f"case {case_id}, {name}")
            for name, folder in sorted(folders.structures.items())
        }
        labels = self._classed(place, image, masks, table)
        check_no_fault(case_id, labels.faults)
        liver = next((mask for name, mask in masks.items() if group_of(name) == ORGAN), None)
        organ = labels.organ if table.organs else liver
        case = classed_case(case_id, {ONLY_CHANNEL: image}, labels, organ, table)
        return replace(case, provenance=provenance("ircadb", self.sources(case_id)))

    def _classed(self, place: Path, grid: Volume, masks: Mapping[str, Volume], table: ClassTable) -> ClassedLabels:
        """The class map of a case; raises ValueError where a class of vessels has no structure."""
        by_class: dict[str, Volume] = {}
        for name, its in table.classes.items():
            those = [
                mask for structure, mask in masks.items() if any(is_meant(str(one), structure) for one in its.values)
            ]
            optional = its.role == "context" or {group_of(str(value)) for value in its.values} <= OPTIONAL
            if not those and not optional:
                raise ValueError(
                    f"{place}: no mask of class {name} ({', '.join(map(str, its.values))}) among "
                    f"{', '.join(sorted(masks)) or 'no structure'}; choose other structures or complete the case"
                )
            if those:
                by_class[name] = _union(grid, those)
        return of_masks(by_class, grid, table)

    def _read_mask(self, folder: Path, image: Volume, name: str) -> Volume:
        volume = read_series(folder, mask=True)
        return place_mask(volume.with_array(as_mask(volume.array, name)), image, name, self.resample_masks)


def _by_group(structures: Mapping[str, Path]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in sorted(structures, key=natural_order):
        groups.setdefault(group_of(name) or "", []).append(name)
    return groups


def _union(image: Volume, masks: Sequence[Volume]) -> Volume:
    union = np.zeros(image.shape, dtype=bool)
    for mask in masks:
        union |= mask.array
    return image.with_array(union)


IRCADB = DataSet(
    "ircadb",
    lambda reading, settings: IrcadbAdapter(reading.root, settings, reading.resample_masks, reading.classes),
    has_channels=False,
)
