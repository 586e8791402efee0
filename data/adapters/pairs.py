"""Plain pairs of image and vessel mask, in 3D (NIfTI, NRRD, MetaImage, TIFF stacks) or 2D (TIFF and pictures).

    ROOT/images/CASE.*     ROOT/labels/CASE.* or ROOT/masks/CASE.*     ROOT/organs/CASE.* (may be missing)

Other layouts are told by patterns in which {case} stands for the case's id:

    --pairs.image "{case}/patientIso.nii.gz" --pairs.label "{case}/gt.nii.gz" --pairs.organ "{case}/liverMaskIso.nii.gz"
    --pairs.image "{case}_denoised.tif" --pairs.label "{case}_*abels_v*.tif"

Where each structure has a mask of its own, or each channel an image, label and image have a pattern for each by name.
An array of an HDF5 or NumPy file is named behind it: --pairs.image "{case}.h5::raw" --pairs.label "{case}.h5::labels"
"""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from ramify.data.adapters.base import DataSet, check_root
from ramify.data.adapters.form_settings import PairsSettings
from ramify.data.adapters.labelled import LabelledAdapter
from ramify.data.adapters.labels import CaseFiles
from ramify.data.adapters.likely_form import LABELS_OF_PAIRS
from ramify.data.case_paths import CASE
from ramify.data.case_store import check_case_id
from ramify.data.channel_files import Channels, chosen_numbers
from ramify.data.file_names import (
    array_suffix,
    case_name,
    file_of,
    is_volume_file,
    one_spelling,
    spellings,
    split_key,
    volume_suffix,
    with_key,
)
from ramify.data.near_names import folder_meant, in_pattern, partners, told

LAYOUT = "images/ and labels/ (or masks/), or patterns given by --pairs.image and --pairs.label"


@dataclass(frozen=True)
class PairsAdapter(LabelledAdapter):
    """The cases whose files the patterns match."""

    settings: PairsSettings
    form: ClassVar[str] = "pairs"

    def _files(self, case_id: str) -> CaseFiles:
        found = self._cases[case_id]
        if isinstance(found, str):
            raise ValueError(found)
        return found

    @property
    def _spacing_mm(self) -> tuple[float, ...] | None:
        return self.settings.spacing_mm

    @cached_property
    def _image_patterns(self) -> dict[str, str]:
        """The pattern of each channel that is read; a single one has no name."""
        image = self.settings.image
        if isinstance(image, str):
            return {"": image}
        names = dict(enumerate(image))
        return {names[number]: image[names[number]] for number in chosen_numbers(self.channels, names, self.root)}

    @cached_property
    def _read(self) -> Channels:
        """What is read of the images."""
        patterns = self._image_patterns
        if isinstance(self.settings.image, dict):
            # Prediction knows no patterns: it takes the channels as nnU-Net's layout has them.
            numbers = tuple(range(len(patterns)))
            return Channels(numbers if len(patterns) > 1 else (), names=tuple(patterns))
        # A pattern such as images/{case}_0001.nii.gz takes a channel of nnU-Net's layout, and prediction must, too.
        file, key = split_key(Path(self.settings.image))
        ending = re.fullmatch(r"_(\d{4})\..*", str(file).split(CASE)[1])
        return Channels((int(ending[1]),) if ending else (), picked=self.channels, key=key)

    @cached_property
    def _cases(self) -> dict[str, CaseFiles | str]:
        """Case id -> its files, or which of them is missing, in a line."""
        check_root(self.root, LAYOUT)
        patterns = self.settings.label or self._default_label()
        label_patterns = list(patterns.values()) if isinstance(patterns, dict) else [patterns]
        organ_pattern = self.settings.organ or (f"organs/{CASE}.*" if (self.root / "organs").is_dir() else "")
        first, *others = self._image_patterns.values()
        self._check_folders([first, *others, *label_patterns, organ_pattern])
        images = self._images(first)
        labels = {case: [self._match(pattern, case) for pattern in label_patterns] for case in images}
        # Where images and labels share a folder, a pattern of images may catch labels as well.
        taken = {path for case, paths in labels.items() for path in paths if path is not None and path != images[case]}
        images = {case: path for case, path in images.items() if path not in taken}
        if self.settings.labelled_only:
            images = {case: path for case, path in images.items() if any(labels[case])}
        if not images:
            raise ValueError(f"{self.root}: holds no image {first}; --root names the folder with {LAYOUT}")
        files: dict[str, CaseFiles | str] = {}
        used = {path for paths in labels.values() for path in paths} | taken
        alone = self._labels_alone(label_patterns, used, images)
        # Case of an image -> the name of the label which seems to be its own; where there is one pattern.
        lacking = [case for case, paths in labels.items() if case in images and not any(paths)]
        near = partners(lacking, alone) if len(label_patterns) == 1 else {}
        for case, image in images.items():
            if case in near:
                files[case] = _of_other_name(image, case, near[case], alone[near[case]], label_patterns[0])
                continue
            try:
                found = [
                    self._label(image, path, text, case)
                    for path, text in zip(labels[case], label_patterns, strict=True)
                ]
                channels = [self._beside(image, pattern, case, "image") for pattern in others]
                organ = self._beside(image, organ_pattern, case, "organ") if organ_pattern else None
            except ValueError as error:
                files[case] = str(error)
                continue
            named = dict(zip(patterns, found, strict=True)) if isinstance(patterns, dict) else found[0]
            files[case] = CaseFiles((image, *channels), named, organ, self._read)
        for case, path in alone.items():
            if case not in near.values():
                files.setdefault(case, f"{path}: has no image {first} of its own; add it or remove the label")
        return files

    def _labels_alone(self, patterns: list[str], used: set[Path | None], images: dict[str, Path]) -> dict[str, Path]:
        """Case by its name -> a label that is no image's, nor an image itself."""
        found: dict[str, Path] = {}
        for pattern in patterns:
            for path in self._glob(pattern, "*"):
                if path not in used and path not in images.values():
                    found.setdefault(self._case_of(path, pattern) or path.name, path)
        return found

    def _check_folders(self, patterns: list[str]) -> None:
        """Raise FileNotFoundError for a folder that is not there, if one is there that is called nearly so."""
        for pattern in patterns:
            if pattern and (meant := folder_meant(self.root, pattern)):
                raise FileNotFoundError(
                    f"{self.root}: no folder for {pattern}; did you mean {meant}/? Images, labels and organ masks "
                    f'are named by --pairs.image, --pairs.label and --pairs.organ: "{meant}/{Path(pattern).name}"'
                )

    def _beside(self, image: Path, pattern: str, case: str, what: str) -> Path:
        """Another file of an image's case; raises ValueError where there is none."""
        path = self._match(pattern, case)
        if path is None:
            raise ValueError(f"{image}: has no {what} {pattern.replace(CASE, case)}; add it or remove the image")
        return path

    def _label(self, image: Path, label: Path | None, pattern: str, case: str) -> Path:
        """A label of a case, if there is one that is not its image; raises ValueError."""
        if label is None:
            raise ValueError(f"{image}: has no label {pattern.replace(CASE, case)}; add it or remove the image")
        if label == image:
            raise ValueError(f"{image}: is its own label by {pattern}; give another --pairs.label")
        return label

    def _default_label(self) -> str:
        folder = next((name for name in LABELS_OF_PAIRS if (self.root / name).is_dir()), None)
        if folder is None:
            self._check_folders([f"{name}/{CASE}.*" for name in LABELS_OF_PAIRS])
            raise FileNotFoundError(
                f"{self.root}: holds neither labels/ nor masks/; --root names the folder with {LAYOUT}"
            )
        return f"{folder}/{CASE}.*"

    def _case_of(self, path: Path, pattern: str) -> str | None:
        """The case whose file a path is by a pattern; None where it fits in no way that tells one."""
        before, after = str(split_key(Path(pattern))[0]).split(CASE)
        # A ".*" at the end stands for the suffix alone: a.1.nii.gz is case a.1.
        any_suffix = after.endswith(".*")
        name = re.compile(f"{_as_regex(before)}(?P<case>[^/]+?){_as_regex(after[:-2] if any_suffix else after)}")
        relative = file_of(path).relative_to(self.root).as_posix()
        match = name.fullmatch(relative[: -len(volume_suffix(path) or "")] if any_suffix else relative)
        return None if match is None else one_spelling(match["case"])

    def _images(self, pattern: str) -> dict[str, Path]:
        images: dict[str, Path] = {}
        for path in self._glob(pattern, "*"):
            case = self._case_of(path, pattern)
            if case is None:
                continue
            check_case_id(case)
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
        file, key = split_key(Path(pattern.replace(CASE, case)))
        # Arrays are read where a pattern says so, not where it says "any suffix".
        by_suffix = array_suffix(Path(pattern)) is not None
        return sorted(
            with_key(path, key)
            for path in self.root.glob(str(file))
            if is_volume_file(path) or (by_suffix and path.is_file())
        )


def _of_other_name(image: Path, case: str, name: str, label: Path, pattern: str) -> str:
    """What is wrong with an image whose label seems to have another name, in a line."""
    found = in_pattern(case, name, pattern)
    remedy = f'give --pairs.label "{found}"' if found and found.count(CASE) == 1 else "call both alike"
    return f"{image}: has no label {pattern.replace(CASE, case)}, but {label} {told(case, name)}; {remedy}"


def _as_regex(pattern: str) -> str:
    return "[^/]*".join(re.escape(part) for part in pattern.split("*"))


PAIRS = DataSet(PairsAdapter.form, PairsAdapter.opened)
