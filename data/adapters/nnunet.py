"""A raw data set in nnU-Net's form.

ROOT/imagesTr/CASE_0000.nii.gz     one file a case and channel
ROOT/labelsTr/CASE.nii.gz          label maps
ROOT/dataset.json                  names of the labels (may be missing; labels are then given by number)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from ramify.data.adapters.base import DataSet, check_root
from ramify.data.adapters.labelled import LabelledAdapter
from ramify.data.adapters.labels import CaseFiles, LabelSettings, find_organ
from ramify.data.file_names import case_name, natural_order, volume_files
from ramify.data.image_source import channel_ending, split_channel
from ramify.data.label_names import DESCRIPTION, UNDESCRIBED, DataSetLabels, described_labels, read_description

LAYOUT = "imagesTr/CASE_0000.nii.gz and labelsTr/CASE.nii.gz"


class NnunetSettings(LabelSettings, frozen=True, extra="forbid"):
    """nnU-Net's raw form: which labels are the vessels, and where the organ is."""

    channel: int = Field(0, ge=0, le=9999)
    """Channel of the image: the four digits at the end of the file's name."""
    organs: Path | None = None
    """Folder with an organ mask a case, of the case's own name; none takes organ_labels of the label map, if any."""


@dataclass(frozen=True)
class NnunetAdapter(LabelledAdapter):
    """The training cases: every label map with its image."""

    settings: NnunetSettings
    form: ClassVar[str] = "nnunet"

    def _files(self, case_id: str) -> CaseFiles:
        image, label = self._cases[case_id]
        return CaseFiles(image, label, find_organ(self.settings.organs, case_id, image))

    def _described_in(self, files: CaseFiles) -> Path:
        return self.root / DESCRIPTION

    def _choices(self, files: CaseFiles) -> dict[str, Any]:
        return {"channel": self.settings.channel, "channels": self._channels[split_channel(case_name(files.image))[0]]}

    @cached_property
    def _described(self) -> DataSetLabels:
        path = self.root / DESCRIPTION
        return described_labels(read_description(path), path) if path.exists() else UNDESCRIBED

    @cached_property
    def _channels(self) -> dict[str, list[int]]:
        """Case id -> the channels that it has images of."""
        found: dict[str, list[int]] = {}
        for path in volume_files(self.root / "imagesTr"):
            case_id, channel = split_channel(case_name(path))
            if channel is not None:
                found.setdefault(case_id, []).append(channel)
        return found

    @cached_property
    def _cases(self) -> dict[str, tuple[Path, Path]]:
        """Case id -> image and label map."""
        check_root(self.root, LAYOUT)
        images_folder, labels_folder = self.root / "imagesTr", self.root / "labelsTr"
        for folder in images_folder, labels_folder:
            if not folder.is_dir():
                raise FileNotFoundError(f"{folder}: no such folder; --root names the folder with {LAYOUT}")
        ending = channel_ending(self.settings.channel)
        images = _by_case(images_folder, ending)
        labels = _by_case(labels_folder, "")
        if lonely := sorted(set(labels) - set(images), key=natural_order):
            raise ValueError(
                f"{labels[lonely[0]]}: has no image {lonely[0]}{ending} in {images_folder}; add or remove it"
            )
        if lonely := sorted(set(images) - set(labels), key=natural_order):
            raise ValueError(f"{images[lonely[0]]}: has no label map {lonely[0]} in {labels_folder}; add or remove it")
        if not labels:
            raise ValueError(f"{labels_folder}: holds no label map; --root names the folder with {LAYOUT}")
        return {case: (images[case], labels[case]) for case in labels}


def _by_case(folder: Path, ending: str) -> dict[str, Path]:
    """Case id -> file, for the files whose names end in `ending` before the suffix."""
    found: dict[str, Path] = {}
    for path in volume_files(folder):
        if match := re.fullmatch(f"(.+){re.escape(ending)}", case_name(path)):
            if match[1] in found:
                raise ValueError(f"{path}: {found[match[1]].name} is of the same case; keep one of them")
            found[match[1]] = path
    return found


NNUNET = DataSet(NnunetAdapter.form, "nnU-Net's raw form.", NnunetSettings, NnunetAdapter.opened)
