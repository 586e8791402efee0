"""Portal and hepatic veins told apart on a patient of 3D-IRCADb-01: taught by half of the liver, tried on the other.

    python -m benchmarks.two_trees --root 3Dircadb1.17 --output output/two_trees

The liver is parted across the patient, by half of its voxels: its left part and phantoms of two trees train, its right
part is segmented and evaluated, each class by itself; tumours are context. OUTPUT gets the data set as plain pairs, the
prepared cases, the run, the prediction and a report. It prints how many junctions each tree has by itself, and both as
one mask: those that come on top are where the trees touch, and no junction of either. It prints how bright either tree
is inside, in either half, and what the voxels of either were taken for.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from scipy import ndimage

from ramify import evaluate, predict, preprocess, train
from ramify.command_line import parse, run
from ramify.data.adapters.opening import open_dataset
from ramify.data.adapters.settings import DatasetSettings
from ramify.data.files import read_label_map, write_volume
from ramify.data.raw_case import RawCase
from ramify.tasks.class_table import IGNORED
from ramify.vessels import ScaleSettings, decompose_scales

TRAINED, TRIED = "left", "right"
TREES = ("portal", "hepatic")
CLASSES = {"portal": "portal", "hepatic": "hepatic", "tumour": {"values": "tumours", "role": "context"}}
OF_PHANTOMS = {"portal": "portalvein", "hepatic": "venoussystem", "tumour": {"values": "tumours", "role": "context"}}
ONE_SCALE = ScaleSettings(quantiles=())
PREPARED = """\
dataset: pairs
classes: {portal: 1, hepatic: 2, tumour: {values: 3, role: context}}
preprocessing:
  grid: {crop: organ, margin_mm: 4, spacing_mm: [2, 2, 2]}
  intensity: {method: window, window: [-50, 250]}
"""


class TwoTreesCommand(BaseModel, frozen=True, extra="forbid"):
    """Which patient, and where all of it goes."""

    root: Path
    """The patient's folder (or archive) of 3D-IRCADb-01, or the folder that it lies in."""
    output: Path
    """Folder of everything that is made."""
    case: str | None = None
    """Which case of the folder; none takes the first."""
    phantoms: int = Field(1, ge=0)
    """Phantoms that train beside the half of the liver."""
    epochs: int = Field(18, ge=1)
    """Passes of twenty steps."""


def main(argv: Sequence[str] | None = None) -> int:
    command = parse(TwoTreesCommand, "Tell portal and hepatic veins apart on one half of a liver.", argv)
    pairs, cases, fold = command.output / "pairs", command.output / "cases", command.output / "splits.json"
    patient, training = patient_of(command), []
    for name, junctions in junctions_of(patient).items():
        print(f"{name}: {junctions} junctions")
    for part in (*halves(patient), *phantoms(command.phantoms)):
        write_pair(pairs, part)
        for name, brightness in brightness_of(part).items():
            print(f"{part.case_id}, {name}: {brightness:.0f} HU inside")
        training += [] if part.case_id == TRIED else [part.case_id]
    (command.output / "prepared.yaml").write_text(PREPARED, encoding="utf-8")
    fold.write_text(json.dumps([{"train": training, "val": [TRIED]}]), encoding="utf-8")

    config = ["--config", str(command.output / "prepared.yaml")]
    preprocess.main([*config, "--root", str(pairs), "--output", str(cases), "--folds.folds", "2"])
    words = ["--config", "configs/two_trees.yaml", "--cases", str(cases), "--splits", str(fold), "--fold", "0"]
    train.main([*words, "--output", str(command.output / "run"), "--train.epochs", str(command.epochs)])
    image, organ, truth = (str(pairs / folder / f"{TRIED}.nii.gz") for folder in ("images", "organs", "labels"))
    told = command.output / "predictions"
    words = ["--checkpoint", str(command.output / "run"), "--weights", "final", "--input", image, "--organ", organ]
    predict.main([*words, "--output", str(told)])
    words = ["--prediction", str(told / f"{TRIED}.nii.gz"), "--truth", truth, "--organ", organ]
    scores = ["--output", str(command.output / "scores"), "--report", str(command.output / "report.html")]
    code = evaluate.main([*words, *scores, "--classes", "portal=1", "hepatic=2"])
    told_as = called(read_label_map(Path(truth)).array, read_label_map(told / f"{TRIED}.nii.gz").array)
    for name, counts in told_as.items():
        print(f"{name}: {counts[1]} voxels taken for portal, {counts[2]} for hepatic, {counts[0]} for neither")
    return code


def patient_of(command: TwoTreesCommand) -> RawCase:
    """The patient, with both trees and the tumours as classes."""
    settings = {"dataset": "ircadb", "root": command.root, "classes": CLASSES}
    adapter = open_dataset(DatasetSettings.model_validate(settings))
    return adapter.load(command.case or adapter.case_ids()[0])


def junctions_of(patient: RawCase) -> dict[str, int]:
    """Junctions of each tree by itself, and of both as one."""
    assert patient.classes is not None, "its classes were named"
    label_map, spacing_mm = patient.classes.array, patient.classes.spacing_mm
    portal, hepatic = label_map == 1, label_map == 2
    masks = {"portal": portal, "hepatic": hepatic, "both as one": portal | hepatic}
    return {
        name: len(decompose_scales(mask, spacing_mm, ONE_SCALE).centreline.bifurcations_mm)
        for name, mask in masks.items()
    }


def brightness_of(part: RawCase) -> dict[str, float]:
    """Mean of the image in each tree's voxels of the organ, without those at its wall, in HU."""
    label_map = _labels(part)
    inside = {name: ndimage.binary_erosion(label_map == number) for number, name in enumerate(TREES, start=1)}
    return {name: float(part.image.array[mask].mean()) if mask.any() else math.nan for name, mask in inside.items()}


def called(truth: NDArray[np.integer], prediction: NDArray[np.integer]) -> dict[str, list[int]]:
    """How many voxels of each tree were taken for neither tree, for portal and for hepatic veins."""
    taken_for = np.where(prediction <= len(TREES), prediction, 0)
    return {
        name: np.bincount(taken_for[truth == number], minlength=1 + len(TREES)).tolist()
        for number, name in enumerate(TREES, start=1)
    }


def halves(patient: RawCase) -> Iterator[RawCase]:
    """Both parts of the liver, as patients of their own."""
    assert patient.organ is not None, "every case of 3D-IRCADb-01 has its liver"
    organ = patient.organ.array
    middle = int(np.median(np.nonzero(organ)[-1]))
    for name, part in ((TRIED, np.s_[..., :middle]), (TRAINED, np.s_[..., middle:])):
        own = np.zeros_like(organ)
        own[part] = organ[part]
        yield replace(patient, case_id=name, patient_id=name, organ=patient.organ.with_array(own))


def phantoms(count: int) -> Iterator[RawCase]:
    """Phantoms of two trees, of a liver's size."""
    shape = {"cases": max(1, count), "size": [96, 128, 128], "spacing_mm": [1.6, 1.5, 1.5]}
    adapter = open_dataset(DatasetSettings.model_validate({"phantom": shape, "classes": OF_PHANTOMS}))
    yield from (adapter.load(case_id) for case_id in adapter.case_ids()[:count])


def write_pair(root: Path, case: RawCase) -> None:
    """Image, labels inside the organ, and organ as files."""
    assert case.organ is not None, "every such case has its liver"
    volumes = {"images": case.image, "labels": case.image.with_array(_labels(case)), "organs": case.organ}
    for folder, volume in volumes.items():
        write_volume(root / folder / f"{case.case_id}.nii.gz", volume)


def _labels(case: RawCase) -> NDArray[np.uint8]:
    """The classes of a case inside its organ, by number."""
    assert case.classes is not None, "its classes were named"
    assert case.organ is not None, "every such case has its liver"
    label_map: NDArray[np.uint8] = case.classes.array.astype(np.uint8)
    return np.where((label_map == IGNORED) | ~case.organ.array, np.uint8(0), label_map)


if __name__ == "__main__":
    run(main)
