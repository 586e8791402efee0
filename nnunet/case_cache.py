"""Label maps of cases, made once each and kept beside nnU-Net's preprocessed files, as it keeps labels itself.

nnU-Net reads them as it reads what an earlier stage of a cascade segmented: as a further channel of the labels. They
have a folder of their own, since every file in nnU-Net's folders is taken for a case.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from nnunetv2.training.dataloading.nnunet_dataset import infer_dataset_class
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from numpy.typing import NDArray

from ramify import __version__
from ramify.disk.digests import fingerprint
from ramify.nnunet.case_maps import CaseOnGrid, scale_map_of, tube_of
from ramify.processes.crew_settings import CrewSettings
from ramify.processes.crews import case_reports
from ramify.vessels.scale_settings import ScaleSettings

RECORD = ".json"


class MadeMap(NamedTuple):
    """A label map of a case, (*S), and what is to be said of it as plain data."""

    array: NDArray[np.uint8]
    said: dict[str, Any]


@dataclass(frozen=True)
class ScaleMaps:
    """The scale of each vessel voxel.

    trees: which labels are vessels. settings: how they are taken apart.
    """

    trees: tuple[tuple[int, ...], ...]
    settings: ScaleSettings

    name = "scales"

    def make(self, case: CaseOnGrid) -> MadeMap:
        """That of one case."""
        scale_map, thresholds_mm, notes = scale_map_of(case, self.trees, self.settings)
        return MadeMap(scale_map, {"thresholds_mm": list(thresholds_mm), "notes": list(notes)})

    def described(self) -> dict[str, Any]:
        """What the maps depend on, as plain data."""
        return {"trees": self.trees, "settings": self.settings.model_dump(mode="json")}


@dataclass(frozen=True)
class TubeMaps:
    """The tubed skeleton.

    trees: which labels are vessels. radius: of the tube, voxels. by_slice: thin slice by slice.
    """

    trees: tuple[tuple[int, ...], ...]
    radius: int
    by_slice: bool

    name = "tubes"

    def make(self, case: CaseOnGrid) -> MadeMap:
        """That of one case."""
        return MadeMap(tube_of(case, self.trees, self.radius, by_slice=self.by_slice), {})

    def described(self) -> dict[str, Any]:
        """What the maps depend on, as plain data."""
        return asdict(self)


class CaseFiles:
    """What nnU-Net has of the cases of a configuration, on disk."""

    def __init__(self, plans: Mapping[str, Any], configuration: str, dataset: Mapping[str, Any], base: Path) -> None:
        """plans, dataset: nnU-Net's plans.json and dataset.json. base: the data set's preprocessed folder."""
        self.plans = PlansManager(dict(plans))
        self.configuration = self.plans.get_configuration(configuration)
        self.prepared = base / self.configuration.data_identifier
        self._truths, self._ending = base / "gt_segmentations", dataset["file_ending"]
        self.dataset_class = infer_dataset_class(str(self.prepared))

    def truth(self, case_id: str) -> Path:
        """The labels as they were drawn."""
        return self._truths / f"{case_id}{self._ending}"

    def sources(self, case_id: str) -> list[Path]:
        """What a case's map is made from."""
        # One of the last two is there, by the form that nnU-Net has written.
        names = (f"{case_id}_seg.b2nd", f"{case_id}.npz")
        return [self.truth(case_id), *(path for name in names if (path := self.prepared / name).is_file())]

    def read(self, case_id: str) -> tuple[CaseOnGrid, Any]:
        """A case's labels, and nnU-Net's own array of the prepared ones."""
        _, stored, _, properties = self.dataset_class(str(self.prepared), [case_id]).load_case(case_id)
        drawn, _ = self.plans.image_reader_writer_class().read_seg(str(self.truth(case_id)))
        axes = self.plans.transpose_forward
        drawn_spacing = tuple(float(properties["spacing"][axis]) for axis in axes)
        spacing = tuple(map(float, self.configuration.spacing))
        # A configuration of slices leaves the distance between them.
        spacing = (*drawn_spacing[: len(drawn_spacing) - len(spacing)], *spacing)
        crop = tuple(slice(*map(int, side)) for side in properties["bbox_used_for_cropping"])
        case = CaseOnGrid(drawn[0].transpose(axes), drawn_spacing, crop, np.asarray(stored[0]), spacing)
        return case, stored


@dataclass(frozen=True)
class CaseCache:
    """Maps of a data set's cases.

    Args:
        maps: which, and how they are made.
        plans, dataset: nnU-Net's plans.json and dataset.json.
        configuration: of the plans, whose grid they are on.
        base: the data set's folder among nnU-Net's preprocessed ones.
    """

    maps: ScaleMaps | TubeMaps
    plans: dict[str, Any]
    configuration: str
    dataset: dict[str, Any]
    base: Path

    @property
    def folder(self) -> Path:
        """Where they are; other settings, or another version of Ramify, have a folder of their own."""
        described = json.dumps([__version__, self.maps.described()], sort_keys=True)
        digest = hashlib.sha256(described.encode()).hexdigest()[:8]
        grid = CaseFiles(self.plans, self.configuration, self.dataset, self.base).prepared.name
        return self.base / f"{grid}_ramify_{self.maps.name}_{digest}"

    def missing(self, case_ids: Sequence[str]) -> list[str]:
        """The cases without a map of what nnU-Net has of them now."""
        files = CaseFiles(self.plans, self.configuration, self.dataset, self.base)
        return [case_id for case_id in case_ids if not _is_current(self.folder / f"{case_id}{RECORD}", files, case_id)]

    def fill(self, case_ids: Sequence[str], workers: int) -> Iterator[str]:
        """Make the maps of cases, and name each that is done.

        workers: how many at a time, each in a process of its own; one works in this process.

        Raises ValueError or OSError for a case of which none can be made.
        """
        done = (
            map(self._made, case_ids)
            if workers < 2
            else case_reports(self._made, case_ids, CrewSettings(workers=workers), _lost)
        )
        for case_id, error in done:
            if error is not None:
                raise ValueError(f"{case_id}: {error}")
            yield case_id

    def _made(self, case_id: str) -> tuple[str, str | None]:
        """Make the map of a case; its name, and in a line why there is none."""
        try:
            self.make(case_id)
        except (ValueError, OSError) as error:
            return case_id, str(error)
        return case_id, None

    def make(self, case_id: str) -> None:
        """Make the map of a case, whole or not at all."""
        files, folder = CaseFiles(self.plans, self.configuration, self.dataset, self.base), self.folder
        stamps = _stamps(files, case_id)
        case, stored = files.read(case_id)
        made = self.maps.make(case)
        folder.mkdir(exist_ok=True)
        # Read patch by patch, as the labels are.
        layout = {"chunks_seg": stored.chunks[1:], "blocks_seg": stored.blocks[1:]} if hasattr(stored, "chunks") else {}
        with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as part:
            files.dataset_class.save_seg(made.array.astype(np.int16), os.path.join(part, case_id), **layout)
            Path(part, f"{case_id}{RECORD}").write_text(json.dumps({**made.said, "sources": stamps}, indent=1))
            # The record last: with it the map is taken as done.
            for path in sorted(Path(part).iterdir(), key=lambda path: path.suffix == RECORD):
                path.replace(folder / path.name)


def _stamps(files: CaseFiles, case_id: str) -> dict[str, str]:
    return {path.name: fingerprint(path) for path in files.sources(case_id)}


def _is_current(record: Path, files: CaseFiles, case_id: str) -> bool:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return bool(found.get("sources") == _stamps(files, case_id))


def _lost(case_id: str, how: str) -> tuple[str, str | None]:
    # nnU-Net says by a variable how many processes there are.
    return case_id, how.replace("fewer --workers", "a smaller nnUNet_def_n_proc")
