"""Medical Segmentation Decathlon tasks, such as Task08_HepaticVessel (label 1 vessel, 2 tumour).

ROOT/dataset.json           labels, and the image and label file of every training case
ROOT/imagesTr/*.nii.gz, ROOT/labelsTr/*.nii.gz
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from data.adapters.base import check_root, natural_order, provenance, unknown_case
from data.adapters.labels import (
    CaseFiles,
    Labels,
    LabelSettings,
    choose_all,
    find_organ,
    parse_labels,
    read_labelled_case,
)
from data.files import case_name
from data.json_files import read_json
from data.raw_case import RawCase

LAYOUT = "dataset.json, imagesTr and labelsTr"


class MsdSettings(LabelSettings, frozen=True, extra="forbid"):
    """Medical Segmentation Decathlon: which labels are the vessels, and where the organ is."""

    vessel_labels: tuple[str, ...] = ("vessel",)
    """Names or numbers of the labels that are vessels."""
    organs: Path | None = None
    """Folder with an organ mask a case, of the case's own name; the tasks come without one."""


@dataclass(frozen=True)
class MsdAdapter:
    """The training cases that a task's dataset.json lists."""

    root: Path
    settings: MsdSettings
    resample_masks: bool = False

    def case_ids(self) -> list[str]:
        return sorted(self._files, key=natural_order)

    def load(self, case_id: str) -> RawCase:
        if case_id not in self._files:
            raise unknown_case(case_id, self.case_ids(), self.root)
        image, label = self._files[case_id]
        files = CaseFiles(image, label, find_organ(self.settings.organs, case_id))
        choice = choose_all(self.settings, self._labels, str(self.root / "dataset.json"), "msd")
        used = {**choice.describe(), "resample_masks": self.resample_masks}
        origin = provenance("msd", files.present(), self.root, used)
        return read_labelled_case(case_id, files, choice, self.resample_masks, origin)

    @cached_property
    def _description(self) -> dict[str, Any]:
        check_root(self.root, LAYOUT)
        content = read_json(self.root / "dataset.json")
        if not isinstance(content, dict):
            raise ValueError(f"{self.root / 'dataset.json'}: expected a table of the data set, got {content!r:.60}")
        return content

    @cached_property
    def _labels(self) -> Labels:
        return parse_labels(self._description, self.root / "dataset.json")

    @cached_property
    def _files(self) -> dict[str, tuple[Path, Path]]:
        path = self.root / "dataset.json"
        files: dict[str, tuple[Path, Path]] = {}
        for entry in self._description.get("training") or []:
            if not isinstance(entry, dict) or not {"image", "label"} <= set(entry):
                raise ValueError(
                    f'{path}: expected training cases like {{"image": ..., "label": ...}}, got {entry!r:.60}'
                )
            image, label = (self.root / str(entry[key]) for key in ("image", "label"))
            for partner in image, label:
                if not partner.is_file():
                    raise FileNotFoundError(f"{partner}: no such file, though {path} lists it; complete the data set")
            if case_name(image) in files:
                raise ValueError(f"{path}: lists case {case_name(image)} twice; keep one entry")
            files[case_name(image)] = image, label
        if not files:
            raise ValueError(f'{path}: lists no case under "training"; --root names the folder with {LAYOUT}')
        return files
