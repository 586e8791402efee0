"""A raw data set in nnU-Net's form.

ROOT/imagesTr/CASE_0000.nii.gz     one file a case and channel; a picture in colour has its channels in one
ROOT/labelsTr/CASE.nii.gz          label maps
ROOT/dataset.json                  names of channels and labels (may be missing; they then have numbers)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from ramify.data.adapters.base import DataSet, check_root
from ramify.data.adapters.form_settings import NnunetSettings
from ramify.data.adapters.labelled import LabelledAdapter
from ramify.data.adapters.labels import CaseFiles, find_organ
from ramify.data.adapters.likely_form import likely_form
from ramify.data.channel_files import Channels, chosen_numbers
from ramify.data.file_names import case_name, natural_order, volume_files
from ramify.data.formats.channels import ONLY_CHANNEL
from ramify.data.image_source import channel_ending, split_channel
from ramify.data.label_names import (
    DESCRIPTION,
    UNDESCRIBED,
    DataSetLabels,
    described_channels,
    described_labels,
    read_description,
)
from ramify.data.near_names import partners, told

LAYOUT = "imagesTr/CASE_0000.nii.gz and labelsTr/CASE.nii.gz"


@dataclass(frozen=True)
class NnunetAdapter(LabelledAdapter):
    """The training cases: every label map with its image."""

    settings: NnunetSettings
    form: ClassVar[str] = "nnunet"

    def _files(self, case_id: str) -> CaseFiles:
        found = self._cases[case_id]
        if isinstance(found, str):
            raise ValueError(found)
        images, label = found
        return CaseFiles(images, label, find_organ(self.settings.organs, case_id, images[0]), self._read)

    def _described_in(self, files: CaseFiles) -> Path:
        return self.root / DESCRIPTION

    @cached_property
    def _described(self) -> DataSetLabels:
        path = self.root / DESCRIPTION
        return described_labels(read_description(path), path) if path.exists() else UNDESCRIBED

    @cached_property
    def _by_number(self) -> dict[int, dict[str, Path]]:
        """Number of a channel -> case id -> file."""
        found: dict[int, dict[str, Path]] = {}
        for path in volume_files(self.root / "imagesTr"):
            case_id, number = split_channel(case_name(path))
            if number is None:
                continue
            of_number = found.setdefault(number, {})
            if case_id in of_number:
                raise ValueError(f"{path}: {of_number[case_id].name} is of the same case; keep one of them")
            of_number[case_id] = path
        return found

    @cached_property
    def _names(self) -> dict[int, str]:
        """Number of each channel and what it is called: by dataset.json, else those there are files of."""
        path = self.root / DESCRIPTION
        named = described_channels(read_description(path), path) if path.exists() else ()
        numbers = range(len(named)) if named else sorted(self._by_number)
        return {number: named[number] if named else f"channel_{number}" for number in numbers}

    @cached_property
    def _read(self) -> Channels:
        """What is read of each case's files."""
        if not self._names:
            return Channels((0,))
        numbers = chosen_numbers(self.channels, self._names, self.root)
        names = [self._names[number] for number in numbers]
        if len(self._names) == 1 and not (self.root / DESCRIPTION).exists():
            names = [ONLY_CHANNEL]
        known = tuple(sorted(self._by_number))
        if len(self._names) > 1 and known == (0,):
            # Pictures in colour: all channels are in one file.
            return Channels((0,), known, tuple(map(str, numbers)), tuple(names), described=True)
        return Channels(numbers, known, names=tuple(names), described=True)

    @cached_property
    def _cases(self) -> dict[str, tuple[tuple[Path, ...], Path] | str]:
        """Case id -> images and label map, or which of them is missing, in a line."""
        check_root(self.root, LAYOUT)
        labels_folder = self.root / "labelsTr"
        for folder in self.root / "imagesTr", labels_folder:
            if not folder.is_dir():
                raise FileNotFoundError(f"{folder}: no such folder; --root names the folder with {LAYOUT}")
        labels = _labels(labels_folder)
        if not labels:
            raise ValueError(f"{labels_folder}: holds no label map; --root names the folder with {LAYOUT}")
        images = {number: self._by_number.get(number, {}) for number in self._read.files}
        named = {case for of_number in images.values() for case in of_number}
        # Case of an image -> that of the label map which seems to be its own.
        near = partners(sorted(named - labels.keys()), sorted(labels.keys() - named))
        cases = sorted({*labels, *named} - {*near.values()}, key=natural_order)
        if not named and likely_form(self.root) != self.form:
            raise ValueError(f"{self.root / 'imagesTr'}: no image of any case ends in {channel_ending(min(images))}")
        return {case: self._case_in(case, labels, images, near) for case in cases}

    def _case_in(
        self, case: str, labels: dict[str, Path], images: dict[int, dict[str, Path]], near: dict[str, str]
    ) -> tuple[tuple[Path, ...], Path] | str:
        found = {number: of_number[case] for number, of_number in images.items() if case in of_number}
        if case not in labels:
            path = next(iter(found.values()))
            if case in near:
                label = labels[near[case]]
                return f"{path}: has no label map {case}, but {label} {told(case, near[case])}; call both alike"
            return f"{path}: has no label map {case} in {self.root / 'labelsTr'}; add or remove it"
        if lacking := [number for number in images if number not in found]:
            ending = f"{channel_ending(lacking[0])}{self._read.name(lacking[0])}"
            return f"{labels[case]}: has no image {case}{ending} in {self.root / 'imagesTr'}; add or remove it"
        return tuple(found.values()), labels[case]


def _labels(folder: Path) -> dict[str, Path]:
    """Case id -> label map."""
    found: dict[str, Path] = {}
    for path in volume_files(folder):
        case_id = case_name(path)
        if case_id in found:
            raise ValueError(f"{path}: {found[case_id].name} is of the same case; keep one of them")
        found[case_id] = path
    return found


NNUNET = DataSet(NnunetAdapter.form, NnunetAdapter.opened)
