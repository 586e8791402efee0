"""3D-IRCADb-01 exactly as it ships: 20 CTs as DICOM with one folder of mask slices a structure.

ROOT/3Dircadb1.N/PATIENT_DICOM/image_*             folders, or PATIENT_DICOM.zip, MASKS_DICOM.zip in their place,
ROOT/3Dircadb1.N/MASKS_DICOM/<structure>/image_*   or MASKS_DICOM/<structure>.zip;
ROOT/3Dircadb1.N.zip, .tar.xz, .tar.gz             or all of a case in one archive
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel

from ramify.data.adapters.archives import archive_name, unpack
from ramify.data.adapters.base import DataSet, check_root, unknown_case
from ramify.data.dicom import read_series
from ramify.data.file_names import natural_order
from ramify.data.formats.whole_numbers import as_mask
from ramify.data.raw_case import ONLY_CHANNEL, RawCase, place_mask
from ramify.data.sources import CaseSources, provenance
from ramify.data.volume import Volume
from ramify.disk.system_files import is_left_by_system
from ramify.processes.temporary import temporary_folder

LAYOUT = "3Dircadb1.N folders or archives, each with PATIENT_DICOM and MASKS_DICOM"
IMAGE, MASKS, ORGAN = "PATIENT_DICOM", "MASKS_DICOM", "liver"

STRUCTURES: Mapping[str, frozenset[str]] = {
    "portal": frozenset({"portalvein", "portalveins", "portal"}),
    "hepatic": frozenset({"venoussystem", "venacava", "venacave", "hepaticvein", "hepaticveins"}),
    "artery": frozenset({"artery", "arteries", "hepaticartery"}),
    "tumours": frozenset({"livertumor", "livertumors", "livertumour", "livertumours"}),
    ORGAN: frozenset({ORGAN}),
}
"""Spellings by group, in lower case and without digits or signs: `portalvein1` is `portalvein`.

Eight cases (2, 3, 10 to 13, 18, 20) have no `venoussystem`: there the hepatic veins are in `venacava`, drawn together
with the caval vein they drain into; in the other twelve `venoussystem` holds both. No case has the two. So both spell
the hepatic veins, and the cava, which runs along the liver, goes where preprocessing restricts vessels to the liver.
"""

PRESETS: Mapping[str, tuple[str, ...]] = {
    "portal": ("portal",),
    "portal+hepatic": ("portal", "hepatic"),
    "portal+hepatic+artery": ("portal", "hepatic", "artery"),
}
_OPTIONAL = {"artery"}
"""Eight of the twenty cases have no artery drawn; they are as complete without it."""


class IrcadbSettings(BaseModel, frozen=True, extra="forbid"):
    """3D-IRCADb-01: which of its structures are the vessels."""

    vessels: Literal["portal", "portal+hepatic", "portal+hepatic+artery", "+artery"] = "portal+hepatic"
    """Vessels to segment: portal vein; with hepatic veins; with arteries, too (`+artery` is short for the last)."""


@dataclass(frozen=True)
class IrcadbAdapter:
    """The cases of 3D-IRCADb-01 under `root`; archives are unpacked to a temporary folder and that is removed."""

    root: Path
    settings: IrcadbSettings
    resample_masks: bool = False

    def case_ids(self) -> list[str]:
        return sorted(self._places(), key=natural_order)

    def sources(self, case_id: str) -> CaseSources:
        return CaseSources(
            self.root,
            tuple(_shipped(self._place(case_id))),
            {"vessels": self._preset, "resample_masks": self.resample_masks},
        )

    def load(self, case_id: str) -> RawCase:
        place = self._place(case_id)
        with temporary_folder("archive") as temporary:
            folders = _Folders(place, temporary)
            try:
                return self._read(case_id, place, folders)
            except ValueError as error:
                raise ValueError(folders.as_shipped(str(error))) from None

    @property
    def _preset(self) -> str:
        return "portal+hepatic+artery" if self.settings.vessels == "+artery" else self.settings.vessels

    def _place(self, case_id: str) -> Path:
        places = self._places()
        if case_id not in places:
            raise unknown_case(case_id, sorted(places, key=natural_order), self.root)
        return places[case_id]

    def _places(self) -> dict[str, Path]:
        """Case id -> its folder or archive; a folder goes before an archive of the same case."""
        check_root(self.root, LAYOUT)
        if _holds_case(self.root):
            return {archive_name(self.root) or self.root.name: self.root}
        entries = sorted(self.root.iterdir(), key=lambda path: path.is_dir()) if self.root.is_dir() else []
        places = {
            (path.name if path.is_dir() else archive_name(path) or path.name): path
            for path in entries
            if not is_left_by_system(path) and _holds_case(path)
        }
        if not places:
            raise ValueError(f"{self.root}: holds no case of 3D-IRCADb; --root names the folder with {LAYOUT}")
        return places

    def _read(self, case_id: str, place: Path, folders: _Folders) -> RawCase:
        preset = self._preset
        groups = _by_group(folders.structures)
        for group in PRESETS[preset]:
            if group not in groups and group not in _OPTIONAL:
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

    def _read_mask(self, folder: Path, image: Volume, name: str) -> Volume:
        volume = read_series(folder, mask=True)
        return place_mask(volume.with_array(as_mask(volume.array, name)), image, name, self.resample_masks)


class _Folders:
    """Where the slices of a case are: in its own folder, or unpacked from its archives as far as they are wanted.

    image: folder of the CT. structures: structure -> folder, those of a known group. seen: names of all structures.
    """

    def __init__(self, place: Path, temporary: Path) -> None:
        self._temporary = temporary
        self._unpacked: dict[Path, Path] = {}
        self.seen: set[str] = set()
        base = _base_of(place if place.is_dir() else self._unpack(place, ()))
        self.image = self._folder(base, IMAGE)
        masks = self._folder(base, MASKS)
        names = {archive_name(path) or path.name for path in masks.iterdir() if not is_left_by_system(path)}
        self.seen |= names
        self.structures = {name: self._folder(masks, name) for name in sorted(names) if group_of(name)}

    def as_shipped(self, message: str) -> str:
        """The message with paths in the archives in place of those in the temporary folder, which will be gone."""
        for archive, target in reversed(self._unpacked.items()):
            message = message.replace(str(target), str(archive))
        return message

    def _folder(self, base: Path, name: str) -> Path:
        folder = base / name
        if not folder.is_dir():
            if not (base / f"{name}.zip").is_file():
                raise ValueError(f"{base}: holds no {name} (folder or zip); expected {LAYOUT}")
            folder = self._unpack(base / f"{name}.zip", (MASKS, name) if base.name == MASKS else (name,))
        return folder / name if (folder / name).is_dir() else folder

    def _unpack(self, archive: Path, inside: tuple[str, ...]) -> Path:
        target = self._temporary / str(len(self._unpacked)) / (inside[-1] if inside else "case")
        self._unpacked[archive] = target
        target.mkdir(parents=True)
        unpack(archive, target, lambda parts: self._wanted((*inside, *parts)))
        return target

    def _wanted(self, parts: Sequence[str]) -> bool:
        if any(is_left_by_system(Path(part)) for part in parts):
            return False
        stems = [part.removesuffix(".zip") for part in parts]
        if IMAGE in stems:
            return True
        if MASKS not in stems:
            return False
        after = stems[len(stems) - stems[::-1].index(MASKS) :]
        if not after:
            return True
        self.seen.add(after[0])
        return group_of(after[0]) is not None


def _base_of(folder: Path) -> Path:
    """The folder that holds PATIENT_DICOM: the given one or one of those inside it."""
    bases = [folder, *sorted(folder.glob("*/")), *sorted(folder.glob("*/*/"))]
    return next((one for one in bases if _has(one, IMAGE)), folder)


def _shipped(place: Path) -> list[Path]:
    """The folders or archives of the image and of every known structure, as they ship."""
    if place.is_file():
        return [place]
    base = _base_of(place)
    masks = base / MASKS
    if not masks.is_dir():
        return [_folder_or_zip(base, IMAGE), _folder_or_zip(base, MASKS)]
    names = sorted({archive_name(path) or path.name for path in masks.iterdir() if not is_left_by_system(path)})
    return [_folder_or_zip(base, IMAGE), *(_folder_or_zip(masks, name) for name in names if group_of(name))]


def _folder_or_zip(base: Path, name: str) -> Path:
    return base / name if (base / name).is_dir() else base / f"{name}.zip"


def group_of(structure: str) -> str | None:
    """The group ("portal", "hepatic", "artery", "tumours", "liver") of a structure's name, or None."""
    plain = re.sub(r"[^a-z]", "", structure.lower())
    return next((group for group, spellings in STRUCTURES.items() if plain in spellings), None)


def _by_group(structures: Mapping[str, Path]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in sorted(structures, key=natural_order):
        groups.setdefault(group_of(name) or "", []).append(name)
    return groups


def _holds_case(path: Path) -> bool:
    if path.is_dir():
        return _has(path, IMAGE) or any(_has(one, IMAGE) for one in path.glob("3Dircadb*/") if path.name == one.name)
    return archive_name(path) is not None and path.name.startswith("3Dircadb")


def _has(folder: Path, name: str) -> bool:
    return (folder / name).is_dir() or (folder / f"{name}.zip").is_file()


def _union(image: Volume, masks: Sequence[Volume]) -> Volume:
    union = np.zeros(image.shape, dtype=bool)
    for mask in masks:
        union |= mask.array
    return image.with_array(union)


IRCADB = DataSet(
    "ircadb",
    "3D-IRCADb-01.",
    IrcadbSettings,
    lambda reading, settings: IrcadbAdapter(reading.root, settings, reading.resample_masks),
    in_colour=False,
)
