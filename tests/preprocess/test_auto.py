"""preprocess.py --auto: crop, voxel size and grey values chosen from a look at all cases."""

import json

import pytest

from ramify.data.case_store import list_cases, read_dataset, read_record
from tests.case_processes import cases_done_here
from tests.preprocess.pairs import arguments, call, write_pairs


@pytest.fixture(autouse=True)
def _in_this_process():
    with cases_done_here():
        yield


@pytest.fixture
def root(tmp_path):
    return write_pairs(tmp_path / "in", count=3, ndim=2)


def auto(root, output, *more):
    return arguments(root, output, "--auto", "--folds.folds", "2", "--preprocessing.grid.margin-mm", "0", *more)


def test_what_is_chosen_is_told_kept_and_done(root, tmp_path, capsys):
    store = tmp_path / "cases"
    code, out, err = call(auto(root, store), capsys)
    assert (code, err) == (0, "")
    lines = [line.split(":")[1].strip() for line in out.splitlines() if line.startswith("auto:")]
    # Spacings are alike, one vessel is a voxel wide, and grey values have no air in them.
    assert lines == [
        "preprocessing.grid.crop organ",
        "preprocessing.grid.spacing_mm none",
        "preprocessing.intensity.method percentile",
    ]
    # In the store are plain values, and the fingerprint with what was chosen by it.
    chosen = read_dataset(store)["preprocessing"]
    assert (chosen["grid"]["crop"], chosen["intensity"]["method"]) == ("organ", "percentile")
    written = json.loads((store / "fingerprint.json").read_text())
    assert [its["key"].split(".")[-1] for its in written["chosen"]] == ["crop", "spacing_mm", "method"]
    assert list(written["cases"]) == list_cases(store) == ["case_1", "case_2", "case_3"]
    assert written["cases"]["case_1"] == read_record(store, "case_1")["fingerprint"]
    assert written["summary"]["spacing_mm"]["median"] == [1, 1]


def test_what_a_flag_or_a_file_gives_stays(root, tmp_path, capsys):
    config = tmp_path / "mine.yaml"
    config.write_text("preprocessing: {intensity: {window: [-100, 250]}}\n")
    more = ("--config", str(config), "--preprocessing.grid.spacing-mm", "2", "2")
    code, out, _ = call(auto(root, tmp_path / "cases", *more), capsys)
    assert code == 0
    assert [line.split()[1] for line in out.splitlines() if line.startswith("auto:")] == ["preprocessing.grid.crop"]
    kept = read_dataset(tmp_path / "cases")["preprocessing"]
    assert (kept["grid"]["spacing_mm"], kept["intensity"]["window"]) == ([2, 2], [-100, 250])


def test_a_case_that_comes_later_leaves_what_was_chosen(root, tmp_path, capsys):
    store = tmp_path / "cases"
    call(auto(root, store), capsys)
    before = {case_id: (store / case_id / "case.json").read_bytes() for case_id in list_cases(store)}
    chosen = json.loads((store / "fingerprint.json").read_text())["chosen"]
    (store / "splits_final.json").unlink()
    write_pairs(root, count=4, ndim=2)
    for number in (1, 2, 3):
        (root / f"organs/case_{number}.nii.gz").touch()
    (root / "organs/case_4.nii.gz").unlink()
    code, out, err = call(auto(root, store), capsys)
    # The new case has no organ to crop to: by itself it would have been prepared whole, and all others anew.
    assert code == 2
    assert "case_4" in err
    assert "auto:        preprocessing.grid.crop organ: as the store was begun" in out
    assert {case_id: (store / case_id / "case.json").read_bytes() for case_id in list_cases(store)} == before
    assert json.loads((store / "fingerprint.json").read_text())["chosen"] == chosen
    _, out, _ = call(auto(root, store, "--check"), capsys)
    assert "preprocessing.grid.crop organ: as the store was begun" in out


def test_cases_without_an_organ_are_prepared_whole(tmp_path, capsys):
    root = write_pairs(tmp_path / "in", count=2, ndim=2, with_organ=False)
    code, out, _ = call(auto(root, tmp_path / "cases"), capsys)
    assert code == 0
    assert "preprocessing.grid.crop volume: 2 of 2 cases have no organ mask" in out
    assert read_record(tmp_path / "cases", "case_1")["shape"] == [40, 44]


def test_a_look_tells_the_same_and_writes_nothing(root, tmp_path, capsys):
    output = tmp_path / "cases"
    code, out, _ = call(auto(root, output, "--check"), capsys)
    assert code == 0
    assert "auto:        preprocessing.grid.crop organ" in out
    assert "voxels:   1 x 1 mm: " in out
    assert not output.exists()
    # Without --auto the alternatives are shown, and nothing is chosen.
    _, out, _ = call(arguments(root, output, "--check", "--folds.folds", "2"), capsys)
    assert "calibres: " in out
    assert "auto:" not in out


def test_planes_and_volumes_are_prepared_together_but_not_planned(tmp_path, capsys):
    root = write_pairs(tmp_path / "in", count=1, ndim=2)
    for path in write_pairs(tmp_path / "volumes", count=1, ndim=3).rglob("case_1.nii.gz"):
        path.rename(root / path.parent.name / "volume_1.nii.gz")
    for more in ((), ("--check",)):
        code, _, err = call(auto(root, tmp_path / "planned", *more), capsys)
        assert code == 2
        assert "--auto: some cases are planes and others volumes" in err
        assert not (tmp_path / "planned").exists()
    store = tmp_path / "cases"
    assert call(arguments(root, store, "--folds.folds", "2"), capsys)[0] == 0
    assert list_cases(store) == ["case_1", "volume_1"]
    assert not (store / "fingerprint.json").exists()


def test_a_store_that_nothing_came_to_is_no_store(root, tmp_path, capsys):
    for path in (root / "labels").iterdir():
        path.write_bytes(b"no image")
    code, _, _ = call(auto(root, tmp_path / "cases"), capsys)
    assert code == 2
    assert not (tmp_path / "cases").exists()


def test_phantoms_are_looked_at_too(tmp_path, capsys):
    more = ("--phantom.cases", "2", "--phantom.size", "48", "48", "--phantom.spacing-mm", "4", "4")
    words = ["--dataset", "phantom", "--output", str(tmp_path / "cases"), "--auto", "--folds.folds", "2", *more]
    code, out, _ = call(words, capsys)
    assert code == 0
    assert "preprocessing.intensity.method" in out
