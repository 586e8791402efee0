"""Medical Segmentation Decathlon tasks, such as Task08_HepaticVessel (label 1 vessel, 2 tumour).

ROOT/dataset.json           labels, and the image and label file of every training case
ROOT/imagesTr/*.nii.gz, ROOT/labelsTr/*.nii.gz
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from ramify.data.adapters.base import DataSet, check_root
from ramify.data.adapters.form_settings import LabelSettings, MsdSettings
from ramify.data.adapters.labelled import LabelledAdapter
from ramify.data.adapters.labels import CaseFiles, find_organ
from ramify.data.adapters.likely_form import likely_form
from ramify.data.channel_files import Channels, chosen_numbers
from ramify.data.file_names import case_name
from ramify.data.formats.channels import ALL
from ramify.data.label_names import (
    DESCRIPTION,
    DataSetLabels,
    described_channels,
    described_labels,
    read_description,
)
from ramify.tasks.class_table import VESSEL

LAYOUT = "dataset.json, imagesTr and labelsTr"


@dataclass(frozen=True)
class MsdAdapter(LabelledAdapter):
    """The training cases that a task's dataset.json lists."""

    settings: MsdSettings
    form: ClassVar[str] = "msd"

    def _files(self, case_id: str) -> CaseFiles:
        image, label = self._cases[case_id]
        for partner in image, label:
            if not partner.is_file():
                path = self.root / DESCRIPTION
                raise FileNotFoundError(f"{partner}: no such file, though {path} lists it; complete the data set")
        return CaseFiles((image,), label, find_organ(self.settings.organs, case_id, image), self._read)

    @cached_property
    def _read(self) -> Channels:
        """What is read of each case's file: the channels that dataset.json names, or those that are asked for."""
        names = dict(enumerate(described_channels(self._description, self.root / DESCRIPTION)))
        if len(names) < 2:
            return Channels(picked=self.channels, names=() if self.channels else tuple(names.values()), described=True)
        numbers = chosen_numbers(self.channels, names, self.root)
        every = len(numbers) == len(names) and list(numbers) == sorted(numbers)
        picked = (ALL,) if every else tuple(map(str, numbers))
        return Channels(picked=picked, names=tuple(names[number] for number in numbers), described=True)

    def _described_in(self, files: CaseFiles) -> Path:
        return self.root / DESCRIPTION

    @cached_property
    def _description(self) -> dict[str, Any]:
        check_root(self.root, LAYOUT)
        return read_description(self.root / DESCRIPTION)

    @cached_property
    def _described(self) -> DataSetLabels:
        return described_labels(self._description, self.root / DESCRIPTION)

    @property
    def _label_settings(self) -> LabelSettings:
        if self.settings.vessel_labels or not any(name.casefold() == VESSEL for name in self._described.names):
            return self.settings
        return self.settings.model_copy(update={"vessel_labels": (VESSEL,)})

    @cached_property
    def _cases(self) -> dict[str, tuple[Path, Path]]:
        """Case id -> image and label map."""
        path = self.root / DESCRIPTION
        files: dict[str, tuple[Path, Path]] = {}
        listed = self._description.get("training") or []
        for entry in listed if isinstance(listed, list) else [listed]:
            if not isinstance(entry, dict) or not {"image", "label"} <= set(entry):
                raise ValueError(
                    f'{path}: expected training cases like {{"image": ..., "label": ...}}, got {entry!r:.60}'
                )
            image, label = (self.root / str(entry[key]) for key in ("image", "label"))
            if case_name(image) in files:
                raise ValueError(f"{path}: lists case {case_name(image)} twice; keep one entry")
            files[case_name(image)] = image, label
        if not files:
            raise ValueError(f'{path}: lists no case under "training"; --root names the folder with {LAYOUT}')
        if not any(image.is_file() for image, _ in files.values()) and likely_form(self.root) not in (None, self.form):
            raise FileNotFoundError(f"{path}: lists images of which none is there")
        return files


MSD = DataSet(MsdAdapter.form, MsdAdapter.opened)
