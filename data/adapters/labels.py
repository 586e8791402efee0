"""Image and label map in files: which labels are vessels, which are the organ, and the case they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ramify.data.adapters.class_choice import LabelSource
from ramify.data.adapters.form_settings import LabelSettings
from ramify.data.channel_files import ONE_CHANNEL, Channels
from ramify.data.class_maps import Fault
from ramify.data.label_names import ANY
from ramify.data.labelled_file import Choice, LabelledFile
from ramify.data.mask_of_case import organ_of
from ramify.data.raw_case import RawCase, place_mask
from ramify.data.volume import Volume


@dataclass(frozen=True)
class CaseFiles:
    """The files of one case.

    images: one, or one a channel. label: of a label map, or by name where each structure has a mask of its own. organ:
    of its own, if it has one. channels: what is read of the images.
    """

    images: tuple[Path, ...]
    label: Path | Mapping[str, Path]
    organ: Path | None = None
    channels: Channels = ONE_CHANNEL

    def present(self) -> list[Path]:
        labels = [self.label] if isinstance(self.label, Path) else list(self.label.values())
        return [path for path in (*self.images, *labels, self.organ) if path is not None]


@dataclass(frozen=True)
class LabelChoice:
    """The labels of a case: vessels (None: a plain mask), organ (None: a plain mask, or none), and where they are.

    labels, organs: the file of the vessels, and that of the organ if there is one. form: the data set's, for errors.
    """

    labels: LabelSource
    organs: LabelledFile | None
    vessels: Choice | None
    organ: Choice | None
    form: str

    def describe(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "vessel_labels": None if self.vessels is None else list(self.vessels),
            "organ_labels": list(self.organ or ()),
            "labels": {name: list(ids) for name, ids in self.labels.names.items()},
        }

    def faults(self) -> tuple[Fault, ...]:
        """None: labels that are no vessels are background."""
        return ()

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

    def read(self, case_id: str, images: Mapping[str, Volume], resample_masks: bool) -> RawCase:
        """The case of an image: vessels, organ and named structures on its grid; without provenance.

        Raises ValueError or OSError that names the file at fault.
        """
        image = next(iter(images.values()))

        def place(mask: Volume, what: str) -> Volume:
            return place_mask(mask, image, f"case {case_id}, {what}", resample_masks)

        vessels = place(self.read_vessels(), self.labels.path.name)
        found = self.labels.structures(self.vessels or (), f"--{self.form}.vessel-labels")
        structures = {name: place(mask, name) for name, mask in found.items()}
        organ = self.read_organ()
        if organ is not None:
            organ = place(
                organ, f"organ {self.organs.path.name}" if self.organs else f"organ in {self.labels.path.name}"
            )
        return RawCase(case_id, case_id, images, organ, vessels, structures)


def choose_labels_of(
    settings: LabelSettings, labels: LabelSource, organs: LabelledFile | None, form: str
) -> LabelChoice:
    """The settings' labels by number, or by name in a segmentation of 3D Slicer.

    Raises as LabelledFile.choose, and ValueError that names the file where all of the organ would be vessel.
    """
    vessels = labels.choose(settings.vessel_labels, "vessels", f"--{form}.vessel-labels")
    organ = None
    if settings.organ_labels:
        organ = (organs or labels).choose(settings.organ_labels, "organ", f"--{form}.organ-labels")
    choice = LabelChoice(labels, organs, vessels, organ, form)
    if organs is not None or organ is None:
        return choice
    inside = choice.labels_of_vessels() or ()
    # An organ of several labels may well have the vessels among them.
    if ANY in inside or set(organ) <= set(inside):
        raise ValueError(
            f"{labels.path}: label {organ[0]} would be organ and vessels alike; name the vessels with "
            f"--{form}.vessel-labels, and the organ with --{form}.organ-labels"
        )
    return replace(choice, organ=labels.with_inside(organ, inside))


def find_organ(folder: Path | None, case_id: str, image: Path) -> Path | None:
    """The case's file in a folder of organ masks, by its name or that of its image; None without a folder.

    Raises FileNotFoundError for a missing folder or file, ValueError where two files fit.
    """
    if folder is None:
        return None
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder of organ masks; correct the setting organs")
    return organ_of(folder, case_id, image)
