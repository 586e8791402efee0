"""Plain pairs of image and vessel mask, in 3D (NIfTI, NRRD, MetaImage, TIFF stacks) or 2D (TIFF and pictures).

    ROOT/images/CASE.*     ROOT/labels/CASE.* or ROOT/masks/CASE.*     ROOT/organs/CASE.* (may be missing)

Other layouts are told by patterns in which {case} stands for the case's id:

    --pairs.image "{case}/patientIso.nii.gz" --pairs.label "{case}/gt.nii.gz" --pairs.organ "{case}/liverMaskIso.nii.gz"
    --pairs.image "{case}_denoised.tif" --pairs.label "{case}_*abels_v*.tif"
"""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from pydantic import field_validator

from ramify.data.adapters.base import DataSet, check_root
from ramify.data.adapters.labelled import LabelledAdapter
from ramify.data.adapters.labels import CaseFiles, LabelSettings
from ramify.data.case_store import check_case_id
from ramify.data.file_names import case_name, is_volume_file, one_spelling, spellings, volume_suffix

LAYOUT = "images/ and labels/ (or masks/), or patterns given by --pairs.image and --pairs.label"
CASE = "{case}"


class PairsSettings(LabelSettings, frozen=True, extra="forbid"):
    """Plain pairs: where image, label and organ of a case are, seen from the root."""

    image: str = "images/{case}.*"
    """Pattern of the images; {case} stands for the case's id, * for anything."""
    label: str = ""
    """Pattern of the vessel masks; none takes labels/{case}.* or masks/{case}.*, whichever folder is there."""
    organ: str = ""
    """Pattern of the organ masks; none takes organs/{case}.* if that folder is there."""
    spacing_mm: tuple[float, ...] | None = None
    """Spacing (z y x, or y x) to use in place of the files'; TIFF and pictures have none, theirs is 1 unless given."""

    @field_validator("image", "label", "organ")
    @classmethod
    def _holds_case(cls, pattern: str) -> str:
        if pattern and pattern.count(CASE) != 1:
            raise ValueError(f"expected a pattern with {CASE} in it once, such as images/{CASE}.*, got {pattern!r}")
        return pattern


@dataclass(frozen=True)
class PairsAdapter(LabelledAdapter):
    """The cases whose files the patterns match."""

    settings: PairsSettings
    form: ClassVar[str] = "pairs"

    def _files(self, case_id: str) -> CaseFiles:
        return self._cases[case_id]

    @property
    def _spacing_mm(self) -> tuple[float, ...] | None:
        return self.settings.spacing_mm

    def _choices(self, files: CaseFiles) -> dict[str, Any]:
        # A pattern such as images/{case}_0001.nii.gz takes a channel of nnU-Net's layout, and prediction must, too.
        ending = re.fullmatch(r"_(\d{4})\..*", self.settings.image.split(CASE)[1])
        channel = {"channel": int(ending[1])} if ending else {}
        return {"spacing_mm": None if self._spacing_mm is None else list(self._spacing_mm), **channel}

    @cached_property
    def _cases(self) -> dict[str, CaseFiles]:
        check_root(self.root, LAYOUT)
        label_pattern = self.settings.label or self._default_label()
        organ_pattern = self.settings.organ or ("organs/{case}.*" if (self.root / "organs").is_dir() else "")
        images = self._images()
        labels = {case: self._match(label_pattern, case) for case in images}
        # Where images and labels share a folder, a pattern of images may catch labels as well.
        taken = {path for case, path in labels.items() if path is not None and path != images[case]}
        images = {case: path for case, path in images.items() if path not in taken}
        if not images:
            raise ValueError(
                f"{self.root}: holds no image {self.settings.image}; --root names the folder with {LAYOUT}"
            )
        files: dict[str, CaseFiles] = {}
        for case, image in images.items():
            label = labels[case]
            if label is None:
                raise ValueError(
                    f"{image}: has no label {label_pattern.replace(CASE, case)}; add it or remove the image"
                )
            if label == image:
                raise ValueError(f"{image}: is its own label by {label_pattern}; give another --pairs.label")
            organ = self._match(organ_pattern, case) if organ_pattern else None
            if organ_pattern and organ is None:
                raise ValueError(
                    f"{image}: has no organ {organ_pattern.replace(CASE, case)}; add it or remove the image"
                )
            files[case] = CaseFiles(image, label, organ)
        used = {path for one in files.values() for path in one.present()}
        if lonely := sorted(set(self._glob(label_pattern, "*")) - used):
            raise ValueError(f"{lonely[0]}: has no image {self.settings.image} of its own; add it or remove the label")
        return files

    def _default_label(self) -> str:
        folder = next((name for name in ("labels", "masks") if (self.root / name).is_dir()), None)
        if folder is None:
            raise FileNotFoundError(
                f"{self.root}: holds neither labels/ nor masks/; --root names the folder with {LAYOUT}"
            )
        return f"{folder}/{CASE}.*"

    def _images(self) -> dict[str, Path]:
        before, after = self.settings.image.split(CASE)
        # A ".*" at the end stands for the suffix alone: a.1.nii.gz is case a.1.
        any_suffix = after.endswith(".*")
        name = re.compile(f"{_as_regex(before)}(?P<case>[^/]+?){_as_regex(after[:-2] if any_suffix else after)}")
        images: dict[str, Path] = {}
        for path in self._glob(self.settings.image, "*"):
            relative = path.relative_to(self.root).as_posix()
            match = name.fullmatch(relative[: -len(volume_suffix(path) or "")] if any_suffix else relative)
            if match is None:
                continue
            case = check_case_id(one_spelling(match["case"]))
            if case in images:
                raise ValueError(f"{path}: {images[case].name} is of the same case {case}; keep one of them")
            images[case] = path
        return images

    def _match(self, pattern: str, case: str) -> Path | None:
        found = [path for name in sorted(spellings(case)) for path in self._glob(pattern, glob.escape(name))]
        if pattern.endswith(f"{CASE}.*"):  # a.b.png is no label of case a
            found = [path for path in found if case_name(path) == case]
        if len(found) > 1:
            raise ValueError(f"{found[0]}: {found[1].name} fits case {case} as well ({pattern}); keep one of them")
        return found[0] if found else None

    def _glob(self, pattern: str, case: str) -> list[Path]:
        return sorted(path for path in self.root.glob(pattern.replace(CASE, case)) if is_volume_file(path))


def _as_regex(pattern: str) -> str:
    return "[^/]*".join(re.escape(part) for part in pattern.split("*"))


PAIRS = DataSet(PairsAdapter.form, "Plain pairs of image and mask.", PairsSettings, PairsAdapter.opened)
