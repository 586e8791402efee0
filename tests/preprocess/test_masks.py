"""Truth and organ as NIfTI, from any form of data set, for an evaluation on the images' own grids."""

import json

import numpy as np
import pytest

from ramify import evaluate
from ramify.data.adapters.opening import open_dataset
from ramify.data.adapters.settings import DatasetSettings
from ramify.data.files import read_label_map, read_volume, write_volume
from ramify.preprocess import main
from tests.dicom_series import write_series
from tests.preprocess.pairs import arguments, call, write_pairs
from tests.preprocessing.drawn_cases import bars_in_a_box

pytestmark = pytest.mark.usefixtures("cases_in_this_process")

FAST = ["--preprocessing.grid.crop", "volume"]


def write_ircadb(root):
    """A case of 3D-IRCADb as it ships."""
    raw = bars_in_a_box()
    vessels, organ = raw.vessels.array & raw.organ.array, raw.organ.array
    half = np.arange(vessels.shape[0])[:, None, None] < vessels.shape[0] // 2
    places = {
        "PATIENT_DICOM": raw.image.array.astype(np.int16),
        "MASKS_DICOM/liver": organ * np.uint8(255),
        "MASKS_DICOM/portalvein": (vessels & half) * np.uint8(255),
        "MASKS_DICOM/venoussystem": (vessels & ~half) * np.uint8(255),
    }
    for number, (place, array) in enumerate(places.items()):
        write_series(root / "3Dircadb1.17" / place, array, series=f"1.2.{number + 3}")
    return root


@pytest.mark.parametrize("classes", [False, True])
def test_truth_and_organ_of_dicom_masks_are_evaluated(tmp_path, classes):
    root, store = write_ircadb(tmp_path / "3Dircadb1"), tmp_path / "cases"
    argv = ["--dataset", "ircadb", "--root", str(root), "--output", str(store), "--masks", *FAST]
    config = tmp_path / "classes.yaml"
    config.write_text("classes: {portal: portal, hepatic: hepatic, liver: {values: liver, role: organ}}\n")
    assert main([*argv, *(["--config", str(config)] if classes else [])]) == 0
    settings = {"dataset": "ircadb", "root": root}
    raw = open_dataset(DatasetSettings.model_validate(settings)).load("3Dircadb1.17")
    truth, organ = (read_label_map(store / f"masks/{what}/3Dircadb1.17.nii.gz") for what in ("truth", "organs"))
    assert np.array_equal(truth.array > 0, raw.vessels.array)
    assert np.array_equal(organ.array, raw.organ.array)
    assert truth.spacing_mm == pytest.approx(raw.image.spacing_mm)
    if classes:
        assert np.array_equal(truth.array == 1, raw.structures["portalvein"].array)
        described = json.loads((store / "masks/truth/dataset.json").read_text(encoding="utf-8"))
        assert described == {"labels": {"background": 0, "portal": 1, "hepatic": 2}}
    # A perfect prediction of these classes, by the name that predict.py gives it.
    write_volume(tmp_path / "predictions/3Dircadb1.17.nii.gz", truth.with_array(truth.array.astype(np.uint8)))
    argv = ["--prediction", str(tmp_path / "predictions"), "--truth", str(store / "masks/truth")]
    argv += ["--organ", str(store / "masks/organs"), "--output", str(tmp_path / "scores"), "--measures", "overlap"]
    assert evaluate.main([*argv, *(["--every-class"] if classes else [])]) == 0
    scores = json.loads((tmp_path / "scores/metrics.json").read_text(encoding="utf-8"))
    assert scores["cases"]["3Dircadb1.17"]["dice"] == 1.0


def test_masks_follow_their_case(tmp_path, capsys):
    root, store = write_pairs(tmp_path / "in", count=2), tmp_path / "cases"
    argv = arguments(root, store, "--folds.folds", "2", *FAST)
    assert main(argv) == 0
    assert not (store / "masks").exists()
    # Asked for later: the prepared cases stay as they are.
    before = (store / "case_1/image.npy").stat()
    assert main([*argv, "--masks"]) == 0
    assert (store / "case_1/image.npy").stat() == before
    assert "masks/truth" in capsys.readouterr().out
    # A label that was corrected: its mask is made anew.
    raw = bars_in_a_box()
    corrected = raw.vessels.array.copy()
    corrected[:, :, -1] = False
    corrected[tuple(np.argwhere(corrected)[0])] = False
    write_volume(root / "labels/case_1.nii.gz", raw.vessels.with_array(corrected))
    assert main([*argv, "--masks"]) == 0
    assert np.array_equal(read_volume(store / "masks/truth/case_1.nii.gz").array != 0, corrected)
    # One that was corrected in the store is the user's.
    write_volume(tmp_path / "mine.nii.gz", raw.vessels.with_array(corrected & (raw.organ.array > 0)[::-1]))
    (store / "masks/truth/case_1.nii.gz").write_bytes((tmp_path / "mine.nii.gz").read_bytes())
    code, _, err = call([*argv, "--masks"], capsys)
    assert code == 2
    assert "masks/truth/case_1.nii.gz" in err


def test_dropped_cases_take_their_masks_along(tmp_path):
    root, store = write_pairs(tmp_path / "in", count=3), tmp_path / "cases"
    assert main(arguments(root, store, "--folds.folds", "2", "--masks", *FAST)) == 0
    for folder in "images", "labels", "organs":
        (root / folder / "case_3.nii.gz").unlink()
    assert main(arguments(root, store, "--folds.folds", "2", "--masks", "--drop-vanished", *FAST)) == 0
    left = [str(path.relative_to(store / "masks")) for path in (store / "masks").rglob("*.nii.gz")]
    assert sorted(left) == [f"{what}/case_{number}.nii.gz" for what in ("organs", "truth") for number in (1, 2)]
