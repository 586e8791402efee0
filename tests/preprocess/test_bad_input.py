"""One line for whatever cannot be prepared."""

import re
import shutil

import numpy as np
import pytest

from ramify.data.case_store import list_cases
from ramify.data.files import read_label_map, read_mask, write_volume
from tests.preprocess.pairs import arguments, call, replace_image, write_pairs
from tests.preprocessing.drawn_cases import bars_in_a_box

pytestmark = pytest.mark.usefixtures("cases_in_this_process")


def one_nan(array):
    array[1, 2, 3] = np.nan


def write_4d(root):
    import SimpleITK as sitk

    stack = [sitk.GetImageFromArray(np.random.default_rng(0).random((24, 40, 44), np.float32)) for _ in range(2)]
    sitk.WriteImage(sitk.JoinSeries(stack), root / "images/case_1.nii.gz")


def write_spacing_zero(root):
    import gzip

    path = root / "images/case_1.nii.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    # pixdim[1] of a NIfTI-1 header.
    content[80:84] = np.float32(0).tobytes()
    path.write_bytes(gzip.compress(content))


BROKEN = {
    "NaN image": (lambda root: replace_image(root, one_nan), "case_1.*NaN"),
    "constant image": (lambda root: replace_image(root, lambda array: array.fill(40)), "case_1.*constant"),
    "no organ mask": (lambda root: shutil.rmtree(root / "organs"), r"case_1.*no organ.*--preprocessing\.grid\.crop"),
    "spacing 0": (write_spacing_zero, "case_1.*spacing"),
    "4D image": (write_4d, "case_1.*2 channels where one image is expected; choose with --channels"),
    "truncated file": (
        lambda root: (root / "images/case_1.nii.gz").write_bytes((root / "images/case_1.nii.gz").read_bytes()[:900]),
        "case_1",
    ),
    "text file": (lambda root: (root / "images/case_1.nii.gz").write_text("not an image"), "case_1"),
    "probabilities": (
        lambda root: write_volume(
            root / "labels/case_1.nii.gz",
            bars_in_a_box().image.with_array(np.random.default_rng(0).random((24, 40, 44), np.float32)),
        ),
        "case_1.*probabilities",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_case_is_one_line_and_leaves_nothing(tmp_path, capsys, name):
    root, output = write_pairs(tmp_path / "in", count=1), tmp_path / "cases"
    damage, message = BROKEN[name]
    damage(root)
    code, _, err = call(arguments(root, output), capsys)
    assert code != 0
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert re.search(message, err), err
    assert not output.exists()


def test_the_others_go_on_without_a_broken_case(tmp_path, capsys):
    root, output = write_pairs(tmp_path / "in", count=3), tmp_path / "cases"
    replace_image(root, one_nan)
    argv = arguments(root, output, "--folds.folds", "2")
    code, out, err = call(argv, capsys)
    assert code == 2
    assert err.count("\n") == 1
    assert "1 of 3 cases are faulty, nothing was prepared; mend them, or prepare the others with --skip-faulty" in out
    assert not output.exists()
    code, out, err = call([*argv, "--skip-faulty"], capsys)
    assert code == 1
    assert err.count("\n") == 1
    assert "1 of 3 cases are faulty and were left out" in out
    assert list_cases(output) == ["case_2", "case_3"]
    # Mended, the same command finishes the store, and says who is in no fold.
    write_pairs(root, count=1)
    code, out, err = call(argv, capsys)
    assert (code, err) == (0, "")
    assert "not in any fold: case_1" in out
    assert list_cases(output) == ["case_1", "case_2", "case_3"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--dataset", "irkadb"], "ircadb"),
        (["--root", "no/such/folder"], "no/such/folder"),
        (["--preprocessing.grid.crop", "liver"], "crop"),
        (["--preprocessing.grid.sizes", "4", "4", "4"], r"preprocessing\.grid\.size"),
        (["--preprocessing.grid.margin-mm", "-1"], "margin"),
        (["--preprocessing.grid.spacing-mm", "0", "1", "1"], "spacing"),
        (["--preprocessing.scales.quantiles", "1.5"], "quantiles"),
        (["--workers", "0"], "workers"),
        (["--folds.folds", "1"], "folds"),
        (["--config", "no_such.yaml"], r"no_such\.yaml"),
    ],
)
def test_bad_arguments_are_one_line_and_leave_nothing(tmp_path, capsys, more, message):
    root, output = write_pairs(tmp_path / "in", count=1), tmp_path / "cases"
    code, _, err = call(arguments(root, output, *more), capsys)
    assert code != 0
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert re.search(message, err), err
    assert not output.exists()


def test_an_output_that_cannot_be_written_is_one_line(tmp_path, capsys):
    root = write_pairs(tmp_path / "in", count=1)
    (tmp_path / "file").write_text("in the way")
    code, _, err = call(arguments(root, tmp_path / "file/cases"), capsys)
    assert code != 0
    assert err.count("\n") == 1
    assert "choose another output" in err


def test_more_folds_than_patients_is_one_line(tmp_path, capsys):
    root, output = write_pairs(tmp_path / "in", count=2), tmp_path / "cases"
    code, _, err = call(arguments(root, output, "--folds.folds", "3"), capsys)
    assert code != 0
    assert err.count("\n") == 1
    assert "only 2 patients; ask for at most 2 (--folds.folds 2)" in err
    # Before any case is prepared.
    assert not output.exists()
    # Patients by their pattern, and a test set that is none.
    by_name = arguments(write_pairs(root, count=3), output, "--patient-pattern", "case_([12]|3)")
    code, _, err = call(by_name, capsys)
    assert (code, "5 asked for, but there are only 3 patients" in err, output.exists()) == (2, True, False)
    code, _, err = call([*by_name, "--folds.folds", "2", "--folds.test", "case_4"], capsys)
    assert (code, "folds.test: 'case_4' is no case's whole id" in err, output.exists()) == (2, True, False)


# --- shipped settings ----------------------------------------------------------------------------------------------


def test_a_class_that_no_case_has_is_an_error_and_costs_no_case(tmp_path, capsys):
    root, output = write_pairs(tmp_path / "in"), tmp_path / "cases"
    (tmp_path / "classes.yaml").write_text("classes: {veins: 1, arteries: 77}", encoding="utf-8")
    asked = ["--config", str(tmp_path / "classes.yaml"), *arguments(root, output, "--folds.folds", "2")]
    # Before any work for who asks, and beside what was prepared.
    code, _, err = call([*asked, "--check"], capsys)
    assert (code, err) == (1, "error: class arteries: no case has a voxel of it; are its values right?\n")
    code, out, err = call(asked, capsys)
    assert (code, "splits:" in out, list_cases(output)) == (1, True, ["case_1", "case_2"])
    assert err == (
        "error: class arteries: no prepared case has a voxel of it; are its values right? (the cases are prepared)\n"
    )


def test_a_single_case_may_well_be_without_a_class(tmp_path, capsys):
    root, output = write_pairs(tmp_path / "in", count=1), tmp_path / "cases"
    (tmp_path / "classes.yaml").write_text("classes: {veins: 1, arteries: 77}", encoding="utf-8")
    code, _, err = call(["--config", str(tmp_path / "classes.yaml"), *arguments(root, output)], capsys)
    assert code == 0
    assert err == "warning: class arteries: no prepared case has a voxel of it; are its values right?\n"


def test_a_class_that_lies_outside_every_organ_is_told(tmp_path, capsys):
    root, output = write_pairs(tmp_path / "in"), tmp_path / "cases"
    for path in sorted((root / "labels").iterdir()):
        labels = read_label_map(path)
        organ = read_mask(next((root / "organs").glob(f"{path.name.partition('.')[0]}.*")))
        beside = np.argwhere(~organ.array & (labels.array == 0))[0]
        drawn = labels.array.copy()
        drawn[tuple(beside)] = 5
        write_volume(path, labels.with_array(drawn))
    (tmp_path / "classes.yaml").write_text("classes: {veins: 1, spleen: {values: 5, role: context}}", encoding="utf-8")
    config = ["--config", str(tmp_path / "classes.yaml")]
    code, _, err = call([*config, *arguments(root, output, "--folds.folds", "2")], capsys)
    assert code == 0
    assert err.startswith("warning: class spleen: no prepared case has a voxel of it; all 2 that are drawn lie outside")


def test_labels_without_a_class_are_told_of_all_cases_before_any_is_prepared(tmp_path, capsys):
    root, output = write_pairs(tmp_path / "in"), tmp_path / "cases"
    for case, extra in (("case_1", 5), ("case_2", 7)):
        labels = bars_in_a_box().vessels.array * np.uint8(2)
        labels.reshape(-1)[:extra] = 9
        write_volume(root / f"labels/{case}.nii.gz", bars_in_a_box().image.with_array(labels))
    (tmp_path / "classes.yaml").write_text("classes: {veins: 2}", encoding="utf-8")
    code, out, err = call(
        ["--config", str(tmp_path / "classes.yaml"), *arguments(root, output, "--folds.folds", "2")], capsys
    )
    assert (code, out) == (2, "2 of 2 cases are faulty, nothing was prepared\n")
    assert err == (
        "error: label 9 is in no class (voxels: 5 in case_1, 7 in case_2); give it a class (classes, in a "
        "YAML file), or name it under --background\n"
    )
    assert not list_cases(output)
