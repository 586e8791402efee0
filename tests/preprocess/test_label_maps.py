"""Liver and vessel in one label map, in every layout, as such folders come: names with spaces and capitals."""

import json

import numpy as np
import pytest

from ramify.data.case_store import list_cases, read_record
from ramify.data.files import write_volume
from ramify.preprocess import main
from tests.preprocessing.drawn_cases import bars_in_a_box

pytestmark = pytest.mark.usefixtures("cases_in_this_process")

NAMES = ["Patient A 01"]
LABELS = {"background": 0, "Liver": 1, "Vessel": 2}


def write_layout(root, layout):
    """Cases whose organ and vessels are labels 1 and 2 of one map."""
    raw = bars_in_a_box()
    labels = raw.image.with_array(np.where(raw.vessels.array & raw.organ.array, 2, raw.organ.array).astype(np.uint8))
    images, maps = ("images", "labels") if layout == "pairs" else ("imagesTr", "labelsTr")
    for name in NAMES:
        ending = "_0000" if layout == "nnunet" else ""
        write_volume(root / images / f"{name}{ending}.nii.gz", raw.image)
        write_volume(root / maps / f"{name}.nii.gz", labels)
    if layout != "pairs":
        listed = [{"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"} for name in NAMES]
        text = json.dumps({"labels": LABELS, "channel_names": {"0": "CT"}, "training": listed})
        (root / "dataset.json").write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("layout", "flags"),
    [
        ("nnunet", ["--nnunet.vessel-labels", "vessel", "--nnunet.organ-labels", "LIVER"]),
        ("msd", ["--msd.organ-labels", "liver"]),
        ("pairs", ["--pairs.vessel-labels", "2", "--pairs.organ-labels", "1"]),
    ],
)
def test_vessels_are_part_of_the_organ(tmp_path, layout, flags):
    root, store = write_layout(tmp_path / "My Data", layout), tmp_path / "Prepared Cases"
    argv = ["--dataset", layout, "--root", str(root), "--output", str(store), *flags]
    assert main(argv) == 0
    assert list_cases(store) == sorted(NAMES)
    counts = read_record(store, NAMES[0])["prepared_voxels"]
    assert counts["vessels"] > 0
    raw = bars_in_a_box()
    assert read_record(store, NAMES[0])["native_voxels"]["organ"] == np.count_nonzero(raw.organ.array)


@pytest.mark.parametrize(
    ("layout", "flags", "told"),
    [
        ("nnunet", ["--nnunet.vessel-labels", "vessel"], "label map has Liver = 1: --nnunet.organ-labels Liver; or"),
        ("msd", [], "the label map has Liver = 1: --msd.organ-labels Liver; or prepare the whole volume with"),
        ("nnunet", ["--every-class"], "{values: Liver, role: organ}"),
    ],
)
def test_a_label_that_is_called_as_an_organ_is_offered(tmp_path, capsys, layout, flags, told):
    root = write_layout(tmp_path / "My Data", layout)
    assert main(["--dataset", layout, "--root", str(root), "--check", *flags]) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("where", ["--check", "--output"])
def test_whole_volumes_are_not_chosen_in_silence(tmp_path, capsys, where):
    root = write_layout(tmp_path / "My Data", "nnunet")
    argv = ["--dataset", "nnunet", "--root", str(root), "--nnunet.vessel-labels", "vessel", "--auto", where]
    argv += [str(tmp_path / "cases")] if where == "--output" else []
    offer = "note: no organ was asked for, so that whole images are prepared; the label map has Liver = 1: --nnunet.org"
    assert main([*argv, "--folds.folds", "2"]) == 0
    told = capsys.readouterr()
    assert (told.err.count(offer), "preprocessing.grid.crop volume" in told.out) == (1, True)
    # Whoever asks for them knows.
    assert main([*argv, "--folds.folds", "2", "--preprocessing.grid.crop", "volume"]) == 0
    assert "note: " not in capsys.readouterr().err


@pytest.mark.parametrize(("more", "code"), [(["--check"], 1), (["--output", "store"], 2)])
def test_a_label_that_no_case_has(tmp_path, capsys, monkeypatch, more, code):
    monkeypatch.chdir(tmp_path)
    root = write_layout(tmp_path / "My Data", "pairs")
    for folder in "images", "labels":
        (root / folder / "b.nii.gz").write_bytes((root / folder / f"{NAMES[0]}.nii.gz").read_bytes())
    asked = ["--dataset", "pairs", "--root", str(root), "--pairs.organ-labels", "1", "--folds.folds", "2", *more]
    assert main([*asked, "--pairs.vessel-labels", "3"]) == code
    told = capsys.readouterr().err
    assert "error: no case has a vessel (Patient A 01.nii.gz holds no vessels (label 3); it has 1, 2)" in told
    assert not (tmp_path / "store").exists()
    assert main([*asked, "--pairs.vessel-labels", "2"]) == 0


def test_a_number_that_the_data_set_does_not_list(tmp_path, capsys):
    root = write_layout(tmp_path / "My Data", "nnunet")
    for option in ["vessel-labels", "3"], ["organ-labels", "5", "--nnunet.vessel-labels", "2"]:
        name, number, *more = option
        argv = ["--dataset", "nnunet", "--root", str(root), "--check", f"--nnunet.{name}", number, *more]
        assert main(argv) == 1
        told = capsys.readouterr().err
        assert f"dataset.json: no label {number} (--nnunet.{name}); it has Liver = 1, Vessel = 2" in told
