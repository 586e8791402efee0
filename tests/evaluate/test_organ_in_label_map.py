"""Organ and vessels as labels of one true label map, and predictions of a network that was taught the vessels alone."""

import json
from pathlib import Path

import numpy as np
import pytest

from ramify import evaluate
from ramify.data.adapters.opening import open_dataset
from ramify.data.adapters.settings import DatasetSettings
from ramify.data.case_store import write_case
from ramify.data.files import write_volume
from ramify.data.volume import Volume
from ramify.preprocessing.prepare import prepare_case
from ramify.preprocessing.settings import PreprocessingSettings
from tests.evaluate.pairs import SHAPE, flags, read_json, save, vessel

QUICK = ("--measures", "overlap")
LIVER = np.zeros(SHAPE, bool)
LIVER[:, 1:15] = True
TRUE_LABELS = np.where(vessel(4), 2, LIVER).astype(np.uint8)


@pytest.fixture
def maps(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Label maps, liver 1 and vessel 2, and predictions that hold 0 and 1, one of which is half of the vessel."""
    prediction, truth, output = (tmp_path / name for name in ("predictions", "truth", "scores"))
    for name in "a b", "C":
        save(truth / f"{name}.nii.gz", TRUE_LABELS)
        save(prediction / f"{name}.nii.gz", vessel(4, stop=10 if name == "C" else 17).astype(np.uint8))
    (truth / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "Liver": 1, "Vessel": 2}}))
    return prediction, truth, output


def sensitivities(output: Path) -> list[float]:
    return [row["sensitivity"] for _, row in sorted(read_json(output)["cases"].items())]


@pytest.mark.parametrize(
    "asked",
    [["--truth-labels", "vessel", "--organ-labels", "liver"], ["--truth-labels", "2", "--organ-labels", "1", "2"]],
)
def test_the_vessels_are_part_of_the_organ(maps, asked):
    assert evaluate.main(flags(maps, *asked, "--organ", str(maps[1]), *QUICK)) == 0
    assert sensitivities(maps[2]) == [0.5, 1.0]


def test_of_classes_too(maps):
    for name, half in ("a b", False), ("C", True):
        save(maps[0] / f"{name}.nii.gz", 2 * vessel(4, stop=10 if half else 17).astype(np.uint8))
    asked = ["--classes", "vessel", "--organ", str(maps[1]), "--organ-labels", "liver"]
    assert evaluate.main(flags(maps, *asked, *QUICK)) == 0
    assert sensitivities(maps[2]) == [0.5, 1.0]


def test_a_class_beside_the_organ_is_no_part_of_it(maps, tmp_path: Path, capsys):
    """As in preparation: the vessels are, a spleen is not; there the prediction does not count."""
    spleen = np.zeros(SHAPE, bool)
    spleen[:, 15:] = True
    for name in "a b", "C":
        save(maps[1] / f"{name}.nii.gz", np.where(spleen & ~vessel(4), 3, TRUE_LABELS).astype(np.uint8))
        save(maps[0] / f"{name}.nii.gz", (2 * vessel(4) + 2 * (spleen & ~vessel(4))).astype(np.uint8))
    table = tmp_path / "table.yaml"
    table.write_text("classes: {vessel: 2, spleen: {values: 3, role: context}}", encoding="utf-8")
    asked = ["--classes-of", str(table), "--organ", str(maps[1]), "--organ-labels", "liver"]
    evaluate.main(flags(maps, *asked, *QUICK))
    assert "class spleen: its voxels lie outside the organ, where nothing counts" in capsys.readouterr().err
    assert {row["precision"] for row in read_json(maps[2])["classes"]["vessel"]["cases"].values()} == {1.0}


def test_an_organ_without_any_vessel_fails_its_case(maps, tmp_path, capsys):
    for name in "a b", "C":
        save(tmp_path / f"livers/{name}.nii.gz", TRUE_LABELS == 1)
    asked = ["--truth-labels", "2", "--organ", str(tmp_path / "livers")]
    assert evaluate.main(flags(maps, *asked, *QUICK)) == 1
    assert "none of its 126 vessel voxels lies inside the organ" in capsys.readouterr().err
    assert evaluate.main(flags(maps, "--truth-labels", "2", *QUICK)) == 0


def run_of(tmp_path: Path) -> Path:
    """A run as far as evaluation looks at it, whose vessels were label 2 and whose organ labels 1 and 2."""
    table = {"classes": [["vessel", {"values": [1], "role": "vessel"}]], "regions": [], "ignore": None}
    source = {"form": "nnunet", "vessel_labels": [2], "organ_labels": [1, 2]}
    (tmp_path / "run").mkdir()
    (tmp_path / "run/run.json").write_text(json.dumps({"classes": table, "source": source}))
    return tmp_path / "run"


def store_of(tmp_path: Path) -> Path:
    """Prepared cases of such label maps."""
    data, store = tmp_path / "data", tmp_path / "store"
    write_volume(data / "images/x.nii.gz", Volume(TRUE_LABELS, (1.0, 1.0, 1.0)))
    write_volume(data / "labels/x.nii.gz", Volume(TRUE_LABELS, (1.0, 1.0, 1.0)))
    pairs = {"vessel_labels": ["2"], "organ_labels": ["1"]}
    raw = open_dataset(DatasetSettings.model_validate({"dataset": "pairs", "root": data, "pairs": pairs})).load("x")
    store.mkdir()
    write_case(store, "x", *prepare_case(raw, PreprocessingSettings()))
    return store


@pytest.mark.parametrize("kind", ["run", "store"])
def test_what_a_run_or_a_store_took_for_vessels(maps, tmp_path: Path, kind):
    place = run_of(tmp_path) if kind == "run" else store_of(tmp_path)
    assert evaluate.main(flags(maps, "--classes-of", str(place), "--organ", str(maps[1]), *QUICK)) == 0
    assert sensitivities(maps[2]) == [0.5, 1.0]
    settings = read_json(maps[2])["settings"]
    assert (settings["truth_labels"], settings["organ_labels"], settings["classes"]) == (["2"], ["1", "2"], {})


def test_a_run_of_plain_masks_asks_for_no_label(maps, tmp_path: Path):
    (place := run_of(tmp_path) / "run.json").write_text(json.dumps({"classes": {"classes": {"vessel": 1}}}))
    for name in "a b", "C":
        save(maps[1] / f"{name}.nii.gz", vessel(4))
    (maps[1] / "dataset.json").unlink()
    assert evaluate.main(flags(maps, "--classes-of", str(place.parent), *QUICK)) == 0
    assert sensitivities(maps[2]) == [0.5, 1.0]
