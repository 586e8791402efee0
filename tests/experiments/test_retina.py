"""DRIVE's experiment from its layout on disk to table and pictures, on small pictures of two crossing vessels."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from PIL import Image

from ramify import experiment
from ramify.data.case_store import read_record
from ramify.data.files import read_mask
from ramify.metrics.case import evaluate_case

pytestmark = pytest.mark.usefixtures("cases_in_this_process")

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "configs" / "experiments"
KEPT = ("dice_ce", "contrast_encoder")
SIZE = 64
Mask = NDArray[np.bool_]


def picture(number: int) -> tuple[Mask, Mask]:
    """Vessels and field of view."""
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    vessels = (np.abs(y - (number % 3) * x / 4) < 2.5) | (np.abs(x + y / 3) < 1.2) | (np.abs(x - 14) < 0.8)
    return vessels, np.hypot(y, x) < 28


def write_retinas(root: Path) -> Path:
    """Two test and four training cases in DRIVE's layout, with a second observer who sees a little less."""
    draw = np.random.default_rng(0)
    for side, names in (("test", ("01", "02")), ("training", ("21", "22", "23", "24"))):
        for folder in ("images", "1st_manual", "mask", "2nd_manual"):
            (root / side / folder).mkdir(parents=True)
        for name in names:
            vessels, field = picture(int(name))
            colour = np.stack([np.full(vessels.shape, 180), 120 - 60 * vessels, np.full(vessels.shape, 40)], axis=-1)
            noisy = np.clip(colour + draw.normal(0, 8, colour.shape), 0, 255) * field[..., None]
            Image.fromarray(noisy.astype(np.uint8)).save(root / side / "images" / f"{name}_{side}.tif")
            masks = {"1st_manual": (f"{name}_manual1", vessels & field), "mask": (f"{name}_{side}_mask", field)}
            if side == "test":
                masks["2nd_manual"] = (f"{name}_manual2", vessels & np.roll(vessels, 1, axis=0) & field)
            for folder, (stem, mask) in masks.items():
                Image.fromarray(255 * mask.astype(np.uint8)).save(root / side / folder / f"{stem}.gif")
    return root


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The shipped experiment with two of its variants, small."""
    content = yaml.safe_load((SHIPPED / "table_drive.yaml").read_text(encoding="utf-8"))
    content["variants"] = {name: content["variants"][name] for name in KEPT}
    content["worst_cases"] = 1
    content["train"]["settings"] = {"inference.window": [SIZE, SIZE], "model.base_channels": 4, "device": "cpu"}
    path = tmp_path / "drive.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


@pytest.mark.integration
def test_from_its_layout_to_the_table(config, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    data = write_retinas(tmp_path / "DRIVE")
    words = [str(config), str(SHIPPED / "quick_2d.yaml"), "--root", str(data), "--output", str(tmp_path / "out")]
    assert experiment.main(words) == 0
    out = capsys.readouterr().out
    folder = tmp_path / "out" / "drive"
    splits = json.loads((folder / "cases" / "splits_final.json").read_text(encoding="utf-8"))
    assert all(fold["test"] == ["01", "02"] for fold in splits)
    assert len(splits) == 2
    assert read_record(folder / "cases", "01")["warnings"] == []

    # Networks are the pairs, scored on the test set alone; a person stands below them.
    assert "2 networks are the pairs, all scored on the same 2 cases" in out
    assert "own thresholds: dice_ce" in out
    table = json.loads((folder / "table.json").read_text(encoding="utf-8"))
    level = table["second_observer"]["own_threshold_dice"]["mean"]
    dice = []
    for name in ("01", "02"):
        masks = [
            read_mask(data / "test" / f"{part}").array
            for part in (
                f"2nd_manual/{name}_manual2.gif",
                f"1st_manual/{name}_manual1.gif",
                f"mask/{name}_test_mask.gif",
            )
        ]
        dice.append(evaluate_case(masks[0], masks[1], (1.0, 1.0), region=masks[2])["dice"])
    assert level == pytest.approx(np.mean(dice))
    assert table["second_observer"]["average_precision"] is None
    assert out.count("second observer") == len(table["experiment"]["measures"]) + 1
    (worst,) = (folder / "worst_cases").glob("1_0?.png")
    assert all(path.read_bytes()[1:4] == b"PNG" for path in (worst, folder / "worst_cases" / "errors.png"))

    # Started again, nothing is trained or scored anew.
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("metrics.json") if "runs" in path.parts}
    assert experiment.main(words) == 0
    assert len(before) == 4
    assert before == {path: path.stat().st_mtime_ns for path in before}


@pytest.mark.integration
def test_a_second_observer_who_lacks_a_case(config, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    data = write_retinas(tmp_path / "DRIVE")
    (data / "test" / "2nd_manual" / "02_manual2.gif").unlink()
    words = [str(config), str(SHIPPED / "quick_2d.yaml"), "--root", str(data), "--output", str(tmp_path / "out")]
    with pytest.raises(FileNotFoundError, match=r"holds no \*/2nd_manual/02_manual2.gif; correct second_observer"):
        experiment.main(words)
    assert not (tmp_path / "out" / "drive" / "runs").exists(), "told before anything is trained"
