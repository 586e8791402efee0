"""Image and label map in files: which labels are vessels, which are the organ, and the case they make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ramify.data.labelled_file import Choice, LabelledFile
from ramify.data.mask_folders import organ_of
from ramify.data.raw_case import ONLY_CHANNEL, RawCase, place_mask
from ramify.data.volume import Volume


class LabelSettings(BaseModel, frozen=True, extra="forbid"):
    """Which labels are the vessels, and where the organ is."""

    vessel_labels: tuple[str, ...] = ()
    """Names or numbers of the labels that are vessels; none takes the only label there is."""
    organ_labels: tuple[str, ...] = ()
    """Names or numbers of the labels that are the organ: in the organ file if there is one, else in the label map."""


@dataclass(frozen=True)
class CaseFiles:
    """The files of one case."""

    image: Path
    label: Path
    organ: Path | None = None

    def present(self) -> list[Path]:
        return [path for path in (self.image, self.label, self.organ) if path is not None]


@dataclass(frozen=True)
class LabelChoice:
    """The labels of a case: vessels (None: a plain mask), organ (None: a plain mask, or none), and where they are.

    labels, organs: the file of the vessels, and that of the organ if there is one. form: the data set's, for errors.
    """

    labels: LabelledFile
    organs: LabelledFile | None
    vessels: Choice | None
    organ: Choice | None
    form: str

    def describe(self) -> dict[str, Any]:
        """All of it as plain data."""
        names = {} if self.labels.segments else self.labels.names or {}
        return {
            "vessel_labels": None if self.vessels is None else list(self.vessels),
            "organ_labels": list(self.organ or ()),
            "labels": {name: list(ids) for name, ids in names.items()},
        }

    def labels_of_vessels(self) -> Choice | None:
        """The vessels' labels; None where the file is to be a plain mask."""
        # Where the organ is a label too, a file without names is no plain mask: its vessels are label 1.
        in_map = self.vessels is None and self.organ is not None and self.organs is None
        return [1] if in_map else self.vessels

    def read_vessels(self) -> Volume:
        """The vessels as the file stores them, bool."""
        return self.labels.mask(self.labels_of_vessels(), "vessels", f"--{self.form}.vessel-labels")

    def read_organ(self) -> Volume | None:
        """The organ as its file stores it, bool: that of the organ file, or of the label map's own labels."""
        if self.organs is None and self.organ is None:
            return None
        return (self.organs or self.labels).mask(self.organ, "organ", f"--{self.form}.organ-labels")

    def read_structures(self) -> dict[str, Volume]:
        """Every label with a name, or each of several that are the vessels, bool."""
        option = f"--{self.form}.vessel-labels"
        if self.labels.names and not self.labels.segments:
            # Without their notes: a patient without a tumour is nothing to be told of.
            named = {name: self.labels.mask(list(ids), name, option) for name, ids in self.labels.names.items()}
            return {name: replace(mask, notes=()) for name, mask in named.items()}
        chosen = self.vessels or []
        if len(chosen) < 2:
            return {}
        masks = [self.labels.mask([one], str(one), option) for one in chosen]
        return {f"label_{one}" if isinstance(one, int) else one: mask for one, mask in zip(chosen, masks, strict=True)}


def choose_all(settings: LabelSettings, labels: LabelledFile, organs: LabelledFile | None, form: str) -> LabelChoice:
    """The settings' labels by number, or by name in a segmentation of 3D Slicer.

    Raises as LabelledFile.choose, and ValueError that names the file where all of the organ would be vessel.
    """
    vessels = labels.choose(settings.vessel_labels, "vessels", f"--{form}.vessel-labels")
    organ = None
    if settings.organ_labels:
        organ = (organs or labels).choose(settings.organ_labels, "organ", f"--{form}.organ-labels")
    choice = LabelChoice(labels, organs, vessels, organ, form)
    # An organ of several labels may well have the vessels among them.
    if organs is None and organ and set(organ) <= set(choice.labels_of_vessels() or ()):
        raise ValueError(
            f"{labels.path}: label {organ[0]} would be organ and vessels alike; name the vessels with "
            f"--{form}.vessel-labels, and the organ with --{form}.organ-labels"
        )
    return choice


def read_labelled_case(case_id: str, image: Volume, choice: LabelChoice, resample_masks: bool) -> RawCase:
    """The case of an image, its vessels, organ and named structures, all on the image's grid; without provenance.

    Raises ValueError or OSError that names the file at fault.
    """

    def place(mask: Volume, what: str) -> Volume:
        return place_mask(mask, image, f"case {case_id}, {what}", resample_masks)

    vessels = place(choice.read_vessels(), choice.labels.path.name)
    structures = {name: place(mask, name) for name, mask in choice.read_structures().items()}
    organ = choice.read_organ()
    if organ is not None:
        organ = place(
            organ, f"organ {choice.organs.path.name}" if choice.organs else f"organ in {choice.labels.path.name}"
        )
    return RawCase(case_id, case_id, {ONLY_CHANNEL: image}, organ, vessels, structures)


def find_organ(folder: Path | None, case_id: str, image: Path) -> Path | None:
    """The case's file in a folder of organ masks, by its name or that of its image; None without a folder.

    Raises FileNotFoundError for a missing folder or file, ValueError where two files fit.
    """
    if folder is None:
        return None
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder of organ masks; correct the setting organs")
    return organ_of(folder, case_id, image)
