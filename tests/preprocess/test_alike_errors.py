"""What is wrong with every case in the same way is one line, and not one a case."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ramify import preprocess
from ramify.data.files import write_volume
from ramify.data.volume import Volume


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Three colour pictures, two of one size, and their masks."""
    for case in range(3):
        for folder, shape in (("images", (8, 8, 3)), ("masks", (8, 8))):
            (tmp_path / folder).mkdir(exist_ok=True)
            array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
            Image.fromarray(array if folder == "images" else (array > 9).astype(np.uint8)).save(
                tmp_path / folder / f"eye_{case}.png"
            )
    return tmp_path


def test_colour_in_every_case(pictures, tmp_path, capsys):
    words = ["--dataset", "pairs", "--root", str(pictures), "--pairs.spacing-mm", "1", "1"]
    assert preprocess.main([*words, "--output", str(tmp_path / "store"), "--folds.folds", "2"]) == 2
    first, others = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert "eye_0.png: 3 channels that differ (colour)" in first
    assert others == "error: eye_1, eye_2: as eye_0, above"


def test_a_name_that_no_label_has(pictures, tmp_path, capsys):
    settings = tmp_path / "classes.yaml"
    settings.write_text("dataset: pairs\nclasses: {artery: arteria, vein: 1}\n", encoding="utf-8")
    words = ["--config", str(settings), "--root", str(pictures), "--pairs.spacing-mm", "1", "1"]
    assert (
        preprocess.main([*words, "--channels", "green", "--output", str(tmp_path / "store"), "--folds.folds", "2"]) == 2
    )
    first, others = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert "classes.artery: no label 'arteria'; no label has a name" in first
    assert others == "error: eye_1, eye_2: as eye_0, above"


def test_channels_of_other_sizes_are_told_before_any_case_is_prepared(tmp_path, capsys):
    root = tmp_path / "data"
    for case in range(3):
        shapes = ((8, 8, 8), (8, 8, 8) if case == 0 else (7, 8, 8))
        for number, shape in enumerate(shapes):
            image = Volume(np.indices(shape).sum(axis=0).astype(np.float32), (1.0, 1.0, 1.0))
            write_volume(root / "imagesTr" / f"k_{case}_{number:04d}.nii.gz", image)
        write_volume(root / "labelsTr" / f"k_{case}.nii.gz", Volume(np.ones((8, 8, 8), np.uint8), (1.0, 1.0, 1.0)))
    channels = {"channel_names": {"0": "CT", "1": "PET"}, "labels": {"background": 0, "vessel": 1}}
    (root / "dataset.json").write_text(json.dumps({**channels, "file_ending": ".nii.gz"}), encoding="utf-8")
    words = ["--dataset", "nnunet", "--root", str(root), "--output", str(tmp_path / "store"), "--folds.folds", "2"]
    assert preprocess.main([*words, "--preprocessing.grid.crop", "volume"]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert line == "error: channel PET has another size than channel CT (in k_1, k_2); bring both onto one grid"
    assert not (tmp_path / "store" / "k_0").exists()
