"""Classes, regions, ignored voxels and channels from files to a report, by the commands that users call."""

import csv
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from ramify import evaluate, predict, preprocess, train
from ramify.data.files import read_label_map, write_volume
from ramify.data.volume import Volume

pytestmark = pytest.mark.usefixtures("cases_in_this_process")

VALUES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15)
"""Of thirteen arteries, as TopCoW has them."""
UNKNOWN = 99
SHAPE = (16, 16, 32)
TRAINING = (
    *("--model.levels", "1", "--model.base-channels", "2", "--loading.workers", "0", "--device", "cpu"),
    *("--train.epochs", "1", "--loading.batch-size", "1", "--loss.lambda-scales", "0.5"),
)


def label_map(case: int) -> np.ndarray:
    """A rod a class; a part of the volume that nobody labelled; the last class is not in every case."""
    labels = np.zeros(SHAPE, np.uint8)
    for place, value in enumerate(VALUES):
        if value != VALUES[-1] or case != 1:
            z, y = 4 * (place // 4), 4 * (place % 4)
            labels[z : z + 2, y : y + 2, 2 + case : 28] = value
    labels[14:, 12:, :8] = UNKNOWN
    return labels


def write_case(root: Path, case: int, labels: np.ndarray) -> None:
    """Two channels, and the labels."""
    random = np.random.default_rng(case)
    known = labels * (labels != UNKNOWN)
    for channel, image in enumerate((100.0 * (known > 0), 10.0 * known)):
        noisy = (image + random.normal(0, 1, SHAPE)).astype(np.float32)
        write_volume(root / "imagesTr" / f"case_{case}_{channel:04d}.nii.gz", Volume(noisy, (1.0, 0.8, 0.8)))
    write_volume(root / "labelsTr" / f"case_{case}.nii.gz", Volume(labels, (1.0, 0.8, 0.8)))


@pytest.fixture(scope="module")
def arteries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set in nnU-Net's form: thirteen classes, two regions, an ignore label, two channels."""
    root = tmp_path_factory.mktemp("arteries")
    for case in range(3):
        write_case(root, case, label_map(case))
    labels: dict[str, Any] = {"background": 0, **{f"artery_{value}": value for value in VALUES}, "ignore": UNKNOWN}
    description = {"channel_names": {"0": "TOF", "1": "CT"}, "labels": labels, "file_ending": ".nii.gz"}
    (root / "dataset.json").write_text(json.dumps(description), encoding="utf-8")
    return root


def prepared(root: Path, store: Path, *more: str) -> Path:
    """The prepared cases of a data set."""
    words = ["--dataset", "nnunet", "--root", str(root), "--output", str(store), "--folds.folds", "2"]
    grid = ["--preprocessing.grid.crop", "volume", "--preprocessing.intensity.method", "z_score"]
    assert preprocess.main([*words, *grid, *more]) == 0
    return store


def trained(store: Path, run: Path, *more: str) -> Path:
    """A run of one epoch."""
    train.main(["--cases", str(store), "--output", str(run), "--fold", "0", *TRAINING, *more])
    return run


@pytest.mark.integration
def test_thirteen_classes_of_two_channels_come_back_as_they_came(arteries, tmp_path, capsys):
    store = prepared(arteries, tmp_path / "store", "--every-class")
    record = json.loads((store / "case_0" / "case.json").read_text(encoding="utf-8"))
    assert record["channels"] == ["TOF", "CT"]
    assert [name for name, _ in record["classes"]["classes"]] == [f"artery_{value}" for value in VALUES]
    class_map = np.load(store / "case_0" / "classes.npy")
    assert set(np.unique(class_map)) == {*range(14), 255}

    run = trained(store, tmp_path / "run", "--model.tasks.auxiliary", "class_scales")
    with (run / "fold_0" / "history.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert "loss/artery_15_scale_1/dice" in row
    assert "validation/dice/artery_15" in row

    told = tmp_path / "told"
    words = ["--checkpoint", str(run), "--input", str(arteries / "imagesTr"), "--output", str(told)]
    assert predict.main([*words, "--class-probabilities", "--device", "cpu"]) == 0
    assert set(np.unique(read_label_map(told / "case_0.nii.gz").array)) <= {0, *VALUES}
    assert (told / "case_0_artery_15_probabilities.nii.gz").is_file()
    assert "\n15 artery_15 " in (told / "labels.ctbl").read_text(encoding="utf-8")
    named = json.loads((told / "dataset.json").read_text(encoding="utf-8"))["labels"]
    assert named == {"background": 0, **{f"artery_{value}": value for value in VALUES}}

    capsys.readouterr()
    words = ["--prediction", str(arteries / "labelsTr"), "--truth", str(arteries / "labelsTr")]
    more = ["--classes-of", str(run), "--report", str(tmp_path / "report.html")]
    assert evaluate.main([*words, "--output", str(tmp_path / "scores"), *more]) == 0
    assert "artery_15" in capsys.readouterr().out
    assert "artery_15" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_network_of_regions_writes_the_classes_they_are_made_of(arteries, tmp_path):
    settings = tmp_path / "regions.yaml"
    settings.write_text(
        "classes: {left: [1, 2, 3, 4, 5, 6], right: [7, 8, 9, 10, 11, 12, 15]}\n"
        "regions: {all: [left, right], right_side: [right]}\n"
        f"ignore: {UNKNOWN}\n",
        encoding="utf-8",
    )
    store = prepared(arteries, tmp_path / "store", "--config", str(settings))
    run = trained(store, tmp_path / "run")
    with (run / "fold_0" / "history.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert {"validation/dice/all", "validation/dice/right_side"} <= set(row)
    told = tmp_path / "told"
    words = ["--checkpoint", str(run), "--input", str(arteries / "imagesTr"), "--output", str(told)]
    assert predict.main([*words, "--device", "cpu"]) == 0
    assert set(np.unique(read_label_map(told / "case_0.nii.gz").array)) <= {0, 1, 7}


def test_a_channel_that_is_missing_is_named(arteries, tmp_path, capsys):
    run = trained(prepared(arteries, tmp_path / "store", "--every-class"), tmp_path / "run")
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "case_0_0000.nii.gz").write_bytes((arteries / "imagesTr" / "case_0_0000.nii.gz").read_bytes())
    capsys.readouterr()
    words = ["--checkpoint", str(run), "--input", str(alone), "--output", str(tmp_path / "told"), "--device", "cpu"]
    assert predict.main(words) == 1
    assert "a channel (CT) that the network was trained on" in capsys.readouterr().err


def pictures(root: Path) -> list[str]:
    """Colour pictures, and the words that name them."""
    for case in range(3):
        random = np.random.default_rng(case)
        mask = np.zeros((32, 32), np.uint8)
        mask[8:12, 2 + case : 30] = 255
        colours = random.integers(0, 60, (32, 32, 3)).astype(np.uint8)
        colours[..., 1] += mask // 2
        for folder, array in (("images", colours), ("masks", mask)):
            (root / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(root / folder / f"eye_{case}.png")
    return ["--channels", "red", "green", "blue", "--pairs.spacing-mm", "1", "1"]


def arrays(root: Path) -> list[str]:
    """HDF5 files of image and labels, and the words that name them."""
    root.mkdir(parents=True, exist_ok=True)
    for case in range(3):
        random = np.random.default_rng(case)
        mask = np.zeros((16, 16, 16), np.uint8)
        mask[4:8, 4:8, case:15] = 1
        with h5py.File(root / f"block_{case}.h5", "w") as file:
            file["volumes/raw"] = (random.normal(0, 1, mask.shape) + 5.0 * mask).astype(np.float32)
            file["volumes/labels"] = mask
    keys = ["--pairs.image", "{case}.h5::volumes/raw", "--pairs.label", "{case}.h5::volumes/labels"]
    return [*keys, "--pairs.spacing-mm", "1", "1", "1"]


@pytest.mark.parametrize(("written", "channels", "inputs"), [(pictures, 3, "images"), (arrays, 1, "")])
def test_colours_and_hdf5_go_all_the_way(written, channels, inputs, tmp_path):
    root = tmp_path / "data"
    words = written(root)
    store = tmp_path / "store"
    prepare = ["--dataset", "pairs", "--root", str(root), "--output", str(store), "--folds.folds", "2"]
    grid = ["--preprocessing.grid.crop", "volume", "--preprocessing.intensity.method", "z_score"]
    assert preprocess.main([*prepare, *grid, *words]) == 0
    (case, *_) = sorted(path.name for path in store.iterdir() if (path / "case.json").exists())
    assert np.load(store / case / "image.npy").shape[0] == channels
    run = trained(store, tmp_path / "run")
    told = ["--checkpoint", str(run), "--input", str(root / inputs), "--output", str(tmp_path / "told")]
    assert predict.main([*told, "--device", "cpu"]) == 0
    assert (tmp_path / "told" / f"{case}.nii.gz").is_file()
