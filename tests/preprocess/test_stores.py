"""Folders in, prepared cases out."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ramify.command_line import parse
from ramify.data.case_store import list_cases, read_case
from ramify.data.files import write_volume
from ramify.preprocessing.prepare import prepare_case
from ramify.preprocessing.settings import PreprocessCommand, PreprocessingSettings
from ramify.vessels.scale_settings import ScaleSettings
from ramify.vessels.scales import decompose_scales
from tests.preprocess.pairs import ROOT, arguments, call, tree, write_pairs
from tests.preprocessing.drawn_cases import bars_in_a_box

pytestmark = pytest.mark.usefixtures("cases_in_this_process")


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_data_set_becomes_a_case_store(tmp_path, capsys, ndim):
    output = tmp_path / "cases"
    code, out, err = call(arguments(write_pairs(tmp_path / "in", ndim=ndim), output, "--folds.folds", "2"), capsys)
    assert (code, err) == (0, "")
    assert list_cases(output) == ["case_1", "case_2"]
    case = read_case(output, "case_1")
    assert set(case.arrays) == {"image", "organ", "scales", "skeleton", "tubed_skeleton", "branches", "vessel_indices"}
    assert set(np.unique(case.arrays["scales"])) == {0, 1, 2, 3}
    assert case.record["patient_id"] == "case_1"
    splits = json.loads((output / "splits_final.json").read_text(encoding="utf-8"))
    assert sorted(case for fold in splits for case in fold["val"]) == ["case_1", "case_2"]
    for figure in ("figures/case_1.png", "figures/case_2.png", "branch_radii.png"):
        assert (output / figure).read_bytes().startswith(b"\x89PNG")
    row = next(line for line in out.splitlines() if line.startswith("case_2"))
    assert f"{case.record['prepared_voxels']['vessels']:,}" in row


@pytest.mark.parametrize("size", [("32", "32", "32"), ("64", "64")])
def test_phantoms_need_no_folder(tmp_path, capsys, size):
    spacing = ["4"] * 3 if len(size) == 3 else ["1.5"] * 2
    phantom = ["--phantom.cases", "2", "--phantom.size", *size, "--phantom.spacing-mm", *spacing]
    argv = ["--dataset", "phantom", "--output", str(tmp_path), *phantom, "--phantom.trees.terminals", "8"]
    code, _, err = call([*argv, "--folds.folds", "2"], capsys)
    assert (code, err) == (0, "")
    assert list_cases(tmp_path) == ["phantom_000", "phantom_001"]
    assert read_case(tmp_path, "phantom_001").arrays["scales"].max() == 3


def test_the_settings_reach_the_cases(tmp_path, capsys):
    output, config = tmp_path / "cases", tmp_path / "settings.yaml"
    config.write_text("preprocessing:\n  grid: {size: [12, 16, 20]}\n  scales: {quantiles: [0.5]}\nfolds: {folds: 2}\n")
    root = write_pairs(tmp_path / "in")
    argv = arguments(root, output, "--config", str(config), "--preprocessing.intensity.output-range", "minus_one_one")
    assert call(argv, capsys)[0] == 0
    case = read_case(output, "case_1")
    assert case.arrays["image"].shape == (1, 12, 16, 20)
    assert case.arrays["image"].min() < -0.5
    assert len(case.record["scales"]["voxels"]) == 2
    assert case.record["settings"]["scales"]["quantiles"] == [0.5]


def test_one_patient_is_prepared_without_folds(tmp_path, capsys):
    output = tmp_path / "cases"
    code, out, _ = call(arguments(write_pairs(tmp_path / "in", count=1), output), capsys)
    assert code == 0
    assert not (output / "splits_final.json").exists()
    assert "--fold all" in out


def test_given_splits_are_obeyed(tmp_path, capsys):
    output = tmp_path / "cases"
    output.mkdir()
    given = '[{"train": ["case_2"], "val": ["case_1"]}]'
    (output / "splits_final.json").write_text(given)
    code, out, _ = call(arguments(write_pairs(tmp_path / "in", count=3), output), capsys)
    assert code == 0
    assert (output / "splits_final.json").read_text(encoding="utf-8") == given
    assert "not in any fold: case_3" in out


def test_masks_elsewhere_are_refused_or_resampled(tmp_path, capsys):
    root = write_pairs(tmp_path / "in", count=1)
    raw = bars_in_a_box()
    shifted = dataclasses.replace(raw.vessels, array=raw.vessels.array[..., 2:], origin_mm=(10.0, -20.0, 32.0))
    write_volume(root / "labels/case_1.nii.gz", shifted)
    code, _, err = call(arguments(root, tmp_path / "cases"), capsys)
    assert code != 0
    assert err.count("\n") == 1
    assert "--resample-masks" in err
    code, _, err = call(arguments(root, tmp_path / "cases", "--resample-masks"), capsys)
    assert (code, err) == (0, "")
    _, expected = prepare_case(raw, PreprocessingSettings())
    assert read_case(tmp_path / "cases", "case_1").record["scales"] == expected["scales"]


# --- once is enough ------------------------------------------------------------------------------------------------


def test_cases_that_are_there_stay_untouched(tmp_path, capsys):
    output, root = tmp_path / "cases", write_pairs(tmp_path / "in")
    argv = arguments(root, output, "--folds.folds", "2")
    assert call(argv, capsys)[0] == 0
    before = tree(output)
    written = {path: path.stat().st_mtime_ns for path in output.glob("case_*/*")}
    shutil.rmtree(output / "case_2")
    (output / "figures/case_1.png").unlink()
    code, out, _ = call(argv, capsys)
    assert code == 0
    assert "1 found there already" in out
    assert tree(output) == before
    assert all(path.stat().st_mtime_ns == written[path] for path in output.glob("case_1/*"))


def test_other_settings_do_not_mix_into_a_store(tmp_path, capsys):
    output, root = tmp_path / "cases", write_pairs(tmp_path / "in")
    assert call(arguments(root, output, "--folds.folds", "2"), capsys)[0] == 0
    before = tree(output)
    code, _, err = call(arguments(root, output, "--preprocessing.scales.estimator", "paper"), capsys)
    assert code != 0
    assert err.count("\n") == 1
    assert "preprocessing.scales.estimator" in err
    assert tree(output) == before


def test_torch_is_not_loaded():
    code = "import sys; from ramify.stages import preprocess; print({'torch', 'matplotlib.pyplot'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# --- bad input -----------------------------------------------------------------------------------------------------


def test_a_case_without_a_vessel_is_kept_and_told(tmp_path, capsys):
    root, output = write_pairs(tmp_path / "in", count=2), tmp_path / "cases"
    write_volume(root / "labels/case_1.nii.gz", bars_in_a_box().image.with_array(np.zeros((24, 40, 44), bool)))
    code, out, err = call(arguments(root, output, "--folds.folds", "2"), capsys)
    assert code == 0
    assert re.search(r"^warning: case_1: its vessel mask is empty: kept", err, re.M)
    assert "warning: case_2" not in err
    assert re.search(r"^case_1 +0 +0 +-$", out, re.M)
    assert (output / "figures" / "case_1.png").is_file()
    assert (output / "splits_final.json").is_file()


CONFIGS = sorted((ROOT / "configs/preprocessing").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_settings_are_valid_and_explained(path):
    settings = parse(PreprocessCommand, "", ["--config", str(path), "--output", "elsewhere"])
    assert settings.output == Path("elsewhere")
    lines = [
        line
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    uncommented = [line for line in lines if "#" not in line and not line.endswith(":")]
    assert not uncommented


def test_the_papers_own_scales_are_one_file_away():
    names = ("ircadb.yaml", "paper_scales.yaml")
    flags = [flag for name in names for flag in ("--config", str(ROOT / "configs/preprocessing" / name))]
    scales = parse(PreprocessCommand, "", flags).preprocessing.scales
    assert scales.model_dump(exclude_unset=True) == {
        "quantiles": (0.25, 0.75),
        "estimator": "paper",
        "surface_neighbours": 8,
        "fill_cavities_mm3": 0.0,
        "prune_spurs": False,
        "weigh": "branches",
        "shared_thresholds": True,  # of a single class of vessels, as the paper has, nothing else
    }
    # And no more than what the estimator brings with it.
    mask = np.random.default_rng(5).random((16, 17, 18)) < 0.2
    to_the_letter, by_name = (
        decompose_scales(mask, (2.0, 1.0, 1.0), chosen) for chosen in (scales, ScaleSettings(estimator="paper"))
    )
    assert np.array_equal(to_the_letter.scale_map, by_name.scale_map)
    assert to_the_letter.thresholds_mm == by_name.thresholds_mm


def test_classes_are_prepared_and_counted(tmp_path, capsys):
    output, config = tmp_path / "cases", tmp_path / "settings.yaml"
    config.write_text(
        "dataset: phantom\nphantom: {cases: 2, size: [48, 48], spacing_mm: [3, 3], trees: {terminals: 6}}\n"
        "classes: {portal: portalvein, hepatic: venoussystem, tumour: {values: tumours, role: context}}\n"
        "folds: {folds: 2}\n"
    )
    code, out, err = call(["--config", str(config), "--output", str(output)], capsys)
    assert code == 0, err
    case = read_case(output, "phantom_000")
    assert case.known.classes.names == ("portal", "hepatic", "tumour")
    counts = np.bincount(np.asarray(case.class_map).ravel(), minlength=4)
    assert f"voxels: portal {counts[1]:,}, hepatic {counts[2]:,}, tumour {counts[3]:,}" in out
    np.testing.assert_array_equal(np.asarray(case.arrays["scales"]) > 0, np.isin(case.class_map, (1, 2)))
    # In another order the classes would have other numbers.
    text = config.read_text()
    config.write_text(
        text.replace("portal: portalvein, hepatic: venoussystem", "hepatic: venoussystem, portal: portalvein")
    )
    code, _, err = call(["--config", str(config), "--output", str(output)], capsys)
    assert code == 2
    assert "was made with other settings (classes was [['portal'" in err
