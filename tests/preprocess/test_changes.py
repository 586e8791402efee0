"""What is said and done where a data set changed since it was prepared."""

import re
import shutil

import numpy as np
import pytest

from ramify.data.case_store import list_cases, read_case, write_case
from ramify.data.files import write_volume
from tests.preprocess.pairs import arguments, call, replace_image, tree, write_pairs
from tests.preprocessing.drawn_cases import bars_in_a_box

pytestmark = pytest.mark.usefixtures("cases_in_this_process")


def test_a_corrected_label_is_seen_and_said(tmp_path, capsys):
    root, output = write_pairs(tmp_path / "in"), tmp_path / "cases"
    argv = arguments(root, output, "--folds.folds", "2")
    assert call(argv, capsys)[0] == 0
    untouched = tree(output / "case_1")
    vessels = bars_in_a_box().vessels
    vessels.array[10:12, 20:23, 8:38] = True
    write_volume(root / "labels/case_2.nii.gz", vessels)
    code, out, err = call(argv, capsys)
    assert (code, err) == (0, "case_2: labels/case_2.nii.gz changed since it was prepared: made anew\n")
    assert "1 found there already" in out
    assert tree(output / "case_1") == untouched
    assert call(arguments(root, tmp_path / "new", "--folds.folds", "2"), capsys)[0] == 0
    assert tree(output) == tree(tmp_path / "new")


def test_another_root_is_refused_and_a_moved_one_taken(tmp_path, capsys):
    root, output = write_pairs(tmp_path / "in"), tmp_path / "cases"
    assert call(arguments(root, output, "--folds.folds", "2"), capsys)[0] == 0
    before = tree(output)
    other = shutil.copytree(root, tmp_path / "other")
    (other / "images/case_1.nii.gz").unlink()
    replace_image(other, lambda array: array.__imul__(2))
    code, _, err = call(arguments(other, output), capsys)
    assert code == 2
    assert err.count("\n") == 1
    assert re.search(r"is another data set \(case case_1: images/case_1\.nii\.gz changed.*--output", err)
    assert tree(output) == before
    moved = root.rename(tmp_path / "moved")
    code, out, err = call(arguments(moved, output), capsys)
    assert (code, err) == (0, "")
    assert f"the data set was in {root}; its files are the same" in out
    assert "2 found there already" in out


def test_a_vanished_case_is_said_and_dropped_on_request(tmp_path, capsys):
    root, output = write_pairs(tmp_path / "in", count=4), tmp_path / "cases"
    argv = arguments(root, output, "--folds.folds", "2")
    assert call(argv, capsys)[0] == 0
    for folder in "images", "labels", "organs":
        (root / folder / "case_4.nii.gz").unlink()
    code, _, err = call(argv, capsys)
    assert code == 0
    assert err == "case_4: not in the data set any more, stays prepared; --drop-vanished drops it\n"
    assert list_cases(output) == ["case_1", "case_2", "case_3", "case_4"]
    code, _, err = call([*argv, "--drop-vanished"], capsys)
    assert code == 0
    assert err.endswith("case_4: dropped\n")
    assert list_cases(output) == ["case_1", "case_2", "case_3"]
    assert "case_4" not in (output / "splits_final.json").read_text(encoding="utf-8")
    assert call(argv, capsys)[::2] == (0, "")


def test_verify_reads_sources_and_arrays(tmp_path, capsys):
    root, output = write_pairs(tmp_path / "in", count=1), tmp_path / "cases"
    assert call(arguments(root, output), capsys)[0] == 0
    path = output / "case_1/image.npy"
    whole_file = path.read_bytes()
    path.write_bytes(whole_file[:-2] + bytes([whole_file[-2] ^ 1]) + whole_file[-1:])
    code, _, err = call(arguments(root, output, "--verify"), capsys)
    assert code == 0
    assert err == "case_1: damaged case (image.npy is not what was written; its SHA-256 differs): made anew\n"
    assert path.read_bytes() == whole_file


def test_a_case_of_an_older_version_that_cannot_be_made_anew_stays_in_the_table(tmp_path, capsys):
    root, output = write_pairs(tmp_path / "in"), tmp_path / "cases"
    argv = arguments(root, output, "--folds.folds", "2")
    assert call(argv, capsys)[0] == 0
    case = read_case(output, "case_1")
    added = {"format", "arrays", "sampling", "case_id", "sha256", "ceiling"}
    older = {key: value for key, value in case.record.items() if key not in added} | {"preparation": 1}
    write_case(output, "case_1", {name: np.array(array) for name, array in case.arrays.items()}, older)
    replace_image(root, lambda array: array.fill(7))
    code, out, err = call(argv, capsys)
    assert code == 1
    assert "constant, every voxel is 7" in err
    assert "(what was prepared of it earlier stays)" in err
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line.startswith("case_")}
    assert len(rows["case_2"]) == len(rows["case_1"]) + 6
