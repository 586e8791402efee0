"""How a script reads the images it is given and their organ masks: as a network's training read its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ramify.data.channel_files import InputCase, choose_channels, hint_of_names, read_case
from ramify.data.file_names import carries_no_millimetres, unread_images, volume_files
from ramify.data.image_source import ImageSource
from ramify.data.input_settings import InputSettings
from ramify.data.inputs import (
    check_organ_of_each,
    find_inputs,
    folders_left_out,
    organ_file,
    organ_files,
    organ_paths,
    read_organ,
)
from ramify.data.organ_labels import AS_TRAINED
from ramify.data.volume import Volume

_OTHER_SPACING = 0.01
_NAMED = 8


class ReadInput(NamedTuple):
    """An image's channels, its organ mask on the same grid if there is one, and notes on how they were read."""

    images: Mapping[str, Volume]
    organ: Volume | None
    notes: tuple[str, ...]

    @property
    def image(self) -> Volume:
        """The first channel: the grid of all."""
        return next(iter(self.images.values()))


class Inputs:
    """The images that settings name, for a network of that training.

    Attributes:
        cases: all of them.
        warnings: what to say of all of them: names that could be nnU-Net's, files that are in no form that is read,
            folders that are left out.
        places: files and folders that are read: the images', and the organs' of each.

    Raises ValueError or FileNotFoundError: nothing there, another channel than the training's, one organ mask for
    several images.
    """

    def __init__(self, settings: InputSettings, source: ImageSource) -> None:
        if settings.input is None:
            raise ValueError("--input PATH: missing; the CTs to segment")
        self._settings, self._trained_mm, self._source = settings, source.spacing_mm, source
        self._told: set[str] = set()
        self._channels = choose_channels(source, settings.channels)
        self.cases = find_inputs(settings.input, self._channels)
        self.warnings = _unread(settings.input, {case.path for case in self.cases})
        self.warnings += _left_out(folders_left_out(settings.input, self.cases, settings.organ))
        if not settings.channels and not self._channels.files and (hint := hint_of_names(self.cases)):
            self.warnings.append(hint)
        check_organ_of_each(settings.organ, self.cases)
        self.places = [settings.input, *organ_paths(settings.organ, self.cases)]

    def keep(self, case_ids: Collection[str]) -> None:
        """Leave out all other cases."""
        kept = set(case_ids)
        self.cases = [case for case in self.cases if case.case_id in kept]

    def files_of(self, case: InputCase) -> list[Path]:
        """What `read` reads: the file or folder of each channel, and those of the organ mask."""
        return [case.path, *case.others, *organ_files(self._settings.organ, case)]

    def read(self, case: InputCase) -> ReadInput:
        """Read a case; raises ValueError or OSError that names the file at fault."""
        if case.problem:
            raise ValueError(case.problem)
        settings = self._settings
        if settings.organ is not None:
            # Whether it is there is known before a large CT is read.
            organ_file(settings.organ, case)
        images = read_case(case, self._channels, settings.spacing_mm or None, settings.series)
        image = next(iter(images.values()))
        if spacing_mm := self._spacing_of(case.path, image.ndim):
            images = {name: replace(one, spacing_mm=tuple(spacing_mm)) for name, one in images.items()}
            image = next(iter(images.values()))
        organ = read_organ(
            settings.organ,
            case,
            image,
            resample=settings.resample_masks,
            labels=settings.organ_labels,
            spacing_of=lambda path: self._spacing_of(path, image.ndim),
            training=self._source,
        )
        if organ is not None:
            # How labels are taken is the same for all cases.
            organ = replace(organ, notes=tuple(note for note in organ.notes if note not in self._told))
            self._told.update(note for note in organ.notes if note.endswith(AS_TRAINED))
        read = dict.fromkeys(note for one in images.values() for note in one.notes)
        notes = [*case.notes, *read, *self._notes_on_spacing(case.path, image)]
        if organ is not None:
            notes += [f"organ: {note}" for note in organ.notes if note not in read]
        return ReadInput(images, organ, tuple(notes))

    def _spacing_of(self, path: Path, ndim: int) -> Sequence[float] | None:
        """What goes in place of a file's own spacing, for an image of so many axes."""
        if self._settings.spacing_mm:
            return self._settings.spacing_mm
        trained = self._trained_mm
        return trained if trained and len(trained) == ndim and carries_no_millimetres(path) else None

    def _notes_on_spacing(self, path: Path, image: Volume) -> list[str]:
        trained = self._trained_mm
        if self._settings.spacing_mm or not trained or len(trained) != image.ndim:
            return []
        shown = " x ".join(f"{side:g}" for side in trained)
        if carries_no_millimetres(path):
            return [f"its file carries no millimetres: voxels of {shown} mm, as the training's; else give --spacing-mm"]
        apart = max(abs(own / given - 1) for own, given in zip(image.spacing_mm, trained, strict=True))
        if apart <= _OTHER_SPACING:
            return []
        return [
            f"its header's spacing is taken, where the training's images counted as {shown} mm whatever theirs said; "
            "--spacing-mm does the same"
        ]


def _unread(path: Path, read: Collection[Path]) -> list[str]:
    """A line where files of a folder are left out beside those that are read."""
    found = unread_images(path) if path.is_dir() and volume_files(path) else []
    unread = [file for file in found if file not in read]
    if not unread:
        return []
    more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
    remedy = "save it as .nii.gz, a DICOM series as a folder"
    return [f"{unread[0]}{more}: in a form that is not read from a folder, left out; {remedy}"]


def _left_out(folders: Sequence[Path]) -> list[str]:
    """A line where folders with images beside the cases are none."""
    if not folders:
        return []
    more = f" and {len(folders) - _NAMED} more" if len(folders) > _NAMED else ""
    named = f"{folders[0].parent}: {', '.join(folder.name for folder in folders[:_NAMED])}{more}"
    return [
        f"{named}: images in folders that are read as no case, left out; a patient's folder has the slices of a DICOM "
        "series in it, or in its PATIENT_DICOM: give others by --input, each by itself"
    ]
