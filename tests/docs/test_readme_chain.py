"""The commands of the README as they stand there, from raw CTs to a verdict, on livers of a few voxels."""

import importlib
import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from ramify.console.progress import QUIET_VARIABLE
from ramify.data.adapters.opening import open_dataset
from ramify.data.adapters.settings import DatasetSettings
from ramify.data.case_store import list_cases
from ramify.data.files import read_volume, write_volume
from ramify.data.folds import FoldSettings, make_folds
from ramify.phantoms.phantom import HEPATIC, PORTAL, grow_phantom
from ramify.phantoms.settings import PhantomSettings, TreeSettings
from tests.dicom_series import write_series
from tests.docs.pages import ROOT, blocks_of, command_lines, text_of

NUMBERS = (1, 2, 3, 4, 13)
SMALL = {
    "preprocess": "--preprocessing.grid.size 16 16 16",
    "train": "--model.levels 1 --model.base-channels 2 --train.epochs 1 --device cpu",
    "predict": "--device cpu",
    "evaluate": "--report report.html",
    "compare": "",
}
"""What is asked for besides, so that a CPU is done in seconds."""


def commands() -> dict[str, list[str]]:
    """Words after the script of the README's command for each stage."""
    section = text_of(ROOT / "README.md").partition("## Your own data")[2].partition("\n## ")[0]
    found = {}
    for line in (line for block in blocks_of(section) for line in command_lines(block)):
        python, script, *words = shlex.split(line)
        if python.endswith("python"):
            found[script.removesuffix(".py")] = words + shlex.split(SMALL[script.removesuffix(".py")])
    return found


def write_data_set(root: Path) -> None:
    """Phantoms as 3D-IRCADb-01 ships its patients."""
    settings = PhantomSettings(size=(20, 24, 24), spacing_mm=(8.0, 7.0, 7.0), trees=TreeSettings(terminals=6))
    for number in NUMBERS:
        phantom = grow_phantom(settings, seed=number)
        masks = {"liver": phantom.organ, "portalvein": phantom.structures[PORTAL]}
        masks["venoussystem"] = phantom.structures[HEPATIC]
        case = root / f"3Dircadb1.{number}"
        write_series(case / "PATIENT_DICOM", phantom.image.astype(np.int16), phantom.spacing_mm)
        for place, (name, mask) in enumerate(masks.items(), start=4):
            folder = case / "MASKS_DICOM" / name
            write_series(folder, mask.astype(np.uint8) * 255, phantom.spacing_mm, series=f"1.2.{place}")


def give(stage: str, words: list[str]) -> None:
    """Give a command; its exit code is 0."""
    assert not importlib.import_module(f"ramify.{stage}").main(words), stage


def test_the_patient_that_is_scored_is_one_that_the_fold_did_not_see():
    words = commands()
    (scored,) = words["evaluate"][words["evaluate"].index("--cases") + 1 :][:1]
    assert words["train"][words["train"].index("--fold") + 1] == "0"
    patients = {name: name for name in (f"3Dircadb1.{number}" for number in range(1, 21))}
    settings = FoldSettings()
    assert scored in make_folds(patients, settings.folds, settings.seed)[0]["val"]


@pytest.mark.integration
def test_from_raw_cts_to_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    said = commands()
    assert list(said) == ["preprocess", "train", "predict", "evaluate", "compare"]
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(QUIET_VARIABLE, "1")
    root = Path("3Dircadb1")
    write_data_set(root)

    give("preprocess", said["preprocess"])
    cases = Path("output/ircadb/cases")
    assert list_cases(cases) == sorted(f"3Dircadb1.{number}" for number in NUMBERS)
    assert all((cases / "figures" / f"3Dircadb1.{number}.png").is_file() for number in NUMBERS)

    give("train", said["train"])
    assert Path("runs/paper/fold_0/checkpoints/best.pt").is_file()

    # The README segments one CT; two more, so that there is something to compare.
    for number in (13, 1, 2):
        give("predict", [word.replace("3Dircadb1.13", f"3Dircadb1.{number}") for word in said["predict"]])
    data_set = open_dataset(DatasetSettings(dataset="ircadb", root=root))
    for number in (13, 1, 2):
        name = f"3Dircadb1.{number}"
        case = data_set.load(name)
        mask = read_volume(Path(f"predictions/{name}.nii.gz"))
        assert mask.array.shape == case.image.array.shape
        assert mask.spacing_mm == pytest.approx(case.image.spacing_mm)
        assert case.organ is not None
        bright = case.image.array >= np.quantile(case.image.array[case.organ.array], 0.9)
        write_volume(Path(f"bright/{name}.nii.gz"), case.image.with_array(bright & case.organ.array))

    # The case that the README names, and those two.
    of_three = said["evaluate"].index("--cases") + 1
    assert said["evaluate"][of_three] == "3Dircadb1.13"
    said["evaluate"][of_three + 1 : of_three + 1] = ["3Dircadb1.1", "3Dircadb1.2"]
    give("evaluate", said["evaluate"])
    scores = json.loads(Path("scores/metrics.json").read_text(encoding="utf-8"))
    assert set(scores["cases"]) == {"3Dircadb1.1", "3Dircadb1.2", "3Dircadb1.13"}
    assert "3Dircadb1.13" in Path("report.html").read_text(encoding="utf-8")

    # The README compares two sets of scores that its reader has by then.
    Path("scores").rename("scores_a")
    again = {"predictions": "bright", "scores": "scores_b", "report.html": "bright.html"}
    give("evaluate", [again.get(word, word) for word in said["evaluate"]])
    capsys.readouterr()
    give("compare", said["compare"])
    assert "contrastive against baseline" in capsys.readouterr().out
    compared = json.loads(Path("comparison/comparison.json").read_text(encoding="utf-8"))
    assert compared["reference"] == "baseline"
