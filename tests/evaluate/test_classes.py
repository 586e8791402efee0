"""Which classes are compared: named, from a table, or all that there are; regions, and what nobody labelled."""

import json
from pathlib import Path

import numpy as np
import pytest

from ramify import evaluate
from ramify.data import DatasetSettings, open_dataset, write_case
from ramify.data.files import read_label_map
from ramify.disk.json_files import write_json
from ramify.evaluation.chosen_classes import table_classes
from ramify.metrics.case import evaluate_case
from ramify.preprocessing import PreprocessingSettings, prepare_case
from tests.evaluate.pairs import SHAPE, SPACING, call, flags, read_json, save, vessel

TRUE_LABELS = np.where(vessel(4), 1, np.where(vessel(11), 2, 0)).astype(np.uint8)
QUICK = ["--measures", "overlap"]


@pytest.fixture
def label_folders(folders) -> tuple[Path, Path, Path]:
    """Two cases of two classes; a third class of the description is in no file."""
    prediction, truth, output = folders
    for path in [*prediction.iterdir(), *truth.iterdir()]:
        path.unlink()
    for name in "ab":
        save(truth / f"{name}.nii.gz", TRUE_LABELS)
        save(prediction / f"{name}.nii.gz", np.where(vessel(4, 3, 10), 1, np.where(vessel(11), 2, 0)).astype(np.uint8))
    return prediction, truth, output


def describe(truth: Path, **more: object) -> None:
    labels = {"background": 0, "portal": 1, "hepatic": 2, "both": [1, 2], "ignore": 9, **more}
    write_json(truth / "dataset.json", {"labels": labels})


def names(output: Path) -> tuple[list[str], list[str]]:
    report = read_json(output)
    return list(report["classes"]), list(report["regions"])


def test_labels_by_name_and_regions_made_of_them(label_folders):
    describe(label_folders[1])
    words = ["--classes", "portal", "veins=hepatic", "--regions", "all=portal+veins"]
    assert evaluate.main(flags(label_folders, *words, *QUICK)) == 0
    assert names(label_folders[2]) == (["portal", "veins"], ["any_vessel", "all"])
    report = read_json(label_folders[2])
    assert report["regions"]["all"] == report["regions"]["any_vessel"]
    assert report["settings"]["classes"] == {"portal": [1], "veins": [2]}
    assert report["settings"]["regions"]["all"] == [1, 2]


def test_every_class_of_the_description(label_folders, capsys):
    describe(label_folders[1], artery=3)
    assert evaluate.main(flags(label_folders, "--every-class", *QUICK)) == 0
    assert names(label_folders[2]) == (["portal", "hepatic", "artery"], ["any_vessel", "both"])
    assert read_json(label_folders[2])["settings"]["ignore_label"] == 9
    told = capsys.readouterr().err
    assert "warning: class artery (label 3): no voxel of it counts in any truth or prediction" in told


def test_every_class_that_occurs(label_folders):
    save(label_folders[1] / "b.nii.gz", np.where(vessel(11), 5, 0).astype(np.uint8))
    assert evaluate.main(flags(label_folders, "--every-class", *QUICK)) == 0
    assert names(label_folders[2]) == (["1", "2", "5"], ["any_vessel"])
    assert evaluate.main(flags(label_folders, "--every-class", "--ignore-label", "5", "--cases", "a", *QUICK)) == 0
    assert names(label_folders[2]) == (["1", "2"], ["any_vessel"])


TABLE = {"classes": {"portal": 1, "hepatic": [2, 4]}, "regions": {"mine": ["hepatic"]}, "ignore": 9}


@pytest.mark.parametrize("kind", ["json", "yaml", "run"])
def test_a_table_of_classes(label_folders, tmp_path: Path, kind: str):
    place = tmp_path / ("run" if kind == "run" else f"table.{kind}")
    if kind == "json":
        place.write_text(json.dumps(TABLE))
    elif kind == "yaml":
        place.write_text(
            "root: elsewhere\nclasses: {portal: 1, hepatic: [2, 4]}\nregions: {mine: hepatic}\nignore: 9\n"
        )
    else:
        place.mkdir()
        (place / "run.json").write_text(json.dumps({"seed": 0, "classes": TABLE}))
    assert evaluate.main(flags(label_folders, "--classes-of", str(place), *QUICK)) == 0
    assert names(label_folders[2]) == (["portal", "hepatic"], ["any_vessel", "mine"])
    settings = read_json(label_folders[2])["settings"]
    assert (settings["classes"], settings["ignore_label"]) == ({"portal": [1], "hepatic": [2, 4]}, 9)


@pytest.mark.parametrize(
    ("table", "model", "told"),
    [
        (TABLE, "{tasks: {main: vessels}}", False),
        (TABLE, "{tasks: {main: scales}}", False),
        (TABLE, "{tasks: {main: null}}", True),
        (TABLE, "{tasks: {main: classes}}", True),
        ({"classes": {"portal": 40}, "ignore": 9}, "{tasks: {main: null}}", True),
    ],
)
def test_a_run_whose_network_tells_vessels_alone_has_masks_of_no_class(tmp_path: Path, table, model, told):
    (tmp_path / "run.json").write_text(json.dumps({"classes": table}))
    (tmp_path / "config.yaml").write_text(f"model: {model}\n")
    if told:
        assert [one.name for one in table_classes(tmp_path).classes] == list(table["classes"])
    else:
        with pytest.raises(ValueError, match=r"its masks hold 0 and 1; leave --classes-of out"):
            table_classes(tmp_path)


@pytest.mark.parametrize(
    ("regions", "classes"),
    [
        ({"veins": ["portal", "hepatic"]}, {"veins": (1, 2, 4)}),
        ({"veins": ["portal", "hepatic"], "mine": ["hepatic"]}, {"portal": (1,), "hepatic": (2, 4)}),
    ],
)
def test_a_run_of_regions_is_judged_on_what_it_can_tell(tmp_path: Path, regions, classes):
    (tmp_path / "run.json").write_text(json.dumps({"classes": {**TABLE, "regions": regions}}))
    (tmp_path / "config.yaml").write_text("model: {tasks: {main: regions}}\n")
    chosen = table_classes(tmp_path)
    assert {one.name: one.labels for one in chosen.classes} == classes
    assert "any_vessel" in [one.name for one in chosen.regions]


def test_the_table_of_prepared_cases(label_folders, tmp_path: Path):
    phantoms = open_dataset(DatasetSettings.model_validate({"phantom": {"size": (48, 48), "spacing_mm": (4, 4)}}))
    arrays, record = prepare_case(phantoms.load("phantom_000"), PreprocessingSettings())
    classes = np.minimum(arrays["scales"], 1).astype(np.uint8)
    write_case(tmp_path, "phantom_000", {**arrays, "classes": classes}, {**record, "classes": TABLE})
    assert evaluate.main(flags(label_folders, "--classes-of", str(tmp_path), *QUICK)) == 0
    assert names(label_folders[2])[0] == ["portal", "hepatic"]


def test_ignored_voxels_count_nowhere(label_folders):
    prediction, truth, output = label_folders
    hole = np.zeros(SHAPE, bool)
    hole[:, :, 8:12] = True
    save(truth / "a.nii.gz", np.where(hole, 9, TRUE_LABELS).astype(np.uint8))
    found = np.where(vessel(4), 1, np.where(vessel(11), 2, 0)).astype(np.uint8)
    rows = []
    for there in (0, 1, 2, 9, found):
        save(prediction / "a.nii.gz", np.where(hole, there, found).astype(np.uint8))
        assert evaluate.main(flags(label_folders, "--classes", "1", "2", "--ignore-label", "9", "--cases", "a")) == 0
        rows.append(read_json(output)["classes"])
    assert all(row == rows[0] for row in rows)
    assert rows[0]["1"]["cases"]["a"] == evaluate_case(vessel(4), vessel(4) & ~hole, SPACING, region=~hole)
    assert rows[0]["1"]["cases"]["a"]["dice"] == 1.0


def test_a_plain_mask_with_an_ignore_value(label_folders, tmp_path: Path, capsys):
    prediction, truth, output = label_folders
    hole = np.zeros(SHAPE, bool)
    hole[:, :, 8:12] = True
    save(prediction / "a.nii.gz", vessel(4))
    save(truth / "a.nii.gz", np.where(hole, 9, vessel(4)).astype(np.uint8))
    one = ["--ignore-label", "9", "--cases", "a"]
    assert evaluate.main(flags(label_folders, *one)) == 0
    alone = read_json(output)["cases"]["a"]
    assert alone == evaluate_case(vessel(4), vessel(4) & ~hole, SPACING, region=~hole)
    organ = np.zeros(SHAPE, bool)
    organ[:, :, :10] = True
    save(tmp_path / "a.nii.gz", organ)
    assert evaluate.main(flags(label_folders, *one, "--organ", str(tmp_path))) == 0
    assert read_json(output)["cases"]["a"] == evaluate_case(vessel(4), vessel(4) & ~hole, SPACING, region=organ & ~hole)
    save(truth / "a.nii.gz", np.where(hole, 9, TRUE_LABELS).astype(np.uint8))
    capsys.readouterr()
    assert evaluate.main(flags(label_folders, *one)) == 1
    assert (
        "2 different labels (1, 2) where one mask is expected; say which of them are the vessels with --truth-labels"
        in (capsys.readouterr().err)
    )
    assert evaluate.main(flags(label_folders, *one, "--truth-labels", "1")) == 0
    assert read_json(output)["cases"]["a"] == alone
    assert evaluate.main(flags(label_folders, *one, *QUICK, "--truth-labels", "any")) == 0
    of_any = evaluate_case(vessel(4), (TRUE_LABELS > 0) & ~hole, SPACING, region=~hole)
    assert read_json(output)["cases"]["a"]["dice"] == of_any["dice"]
    save(truth / "a.nii.gz", np.full(SHAPE, 9, np.uint8))
    assert evaluate.main(flags(label_folders, *one)) == 1
    assert "nobody labelled any of it (--ignore-label 9)" in capsys.readouterr().err


def test_a_truth_with_an_ignore_value_is_read_once_and_its_labels_are_checked(label_folders, capsys, monkeypatch):
    prediction, truth, _ = label_folders
    save(prediction / "a.nii.gz", vessel(4))
    reads = []

    def read(path, spacing_mm):
        reads.append(path)
        return read_label_map(path, spacing_mm)

    monkeypatch.setattr("ramify.data.labelled_file.read_label_map", read)
    one = ["--ignore-label", "9", "--cases", "a", *QUICK, "--truth-labels"]
    assert evaluate.main(flags(label_folders, *one, "1")) == 0
    assert reads == [truth / "a.nii.gz"]
    (truth / "dataset.json").write_text('{"labels": {"background": 0, "Vessel": 1}}', encoding="utf-8")
    assert evaluate.main(flags(label_folders, *one, "3")) == 1
    assert "a.nii.gz: no label 3 (--truth-labels); it has Vessel = 1" in capsys.readouterr().err


@pytest.mark.parametrize(("command", "rare", "code"), [("named", True, 1), ("every", False, 1), ("every", True, 0)])
def test_a_class_in_no_prediction_is_an_error_unless_it_may_be_rare(label_folders, capsys, command, rare, code):
    for name in "ab":
        save(label_folders[0] / f"{name}.nii.gz", np.where(vessel(4), 1, 0).astype(np.uint8))
    if rare:
        save(label_folders[1] / "b.nii.gz", np.where(vessel(4), 1, 0).astype(np.uint8))
    asked = ["--classes", "1", "2"] if command == "named" else ["--every-class"]
    assert evaluate.main(flags(label_folders, *asked, *QUICK)) == code
    line = f"class 2 (label 2): in {2 - rare} of 2 truths and in no prediction; is its label right? (of predictions"
    assert f"{'error' if code else 'warning'}: {line}" in capsys.readouterr().err


@pytest.mark.parametrize(("asked", "code"), [(["--classes", "1", "2"], 1), (["--every-class"], 0)])
def test_one_case_does_not_say_how_rare_a_class_is(label_folders, capsys, asked, code):
    save(label_folders[0] / "a.nii.gz", np.where(vessel(4), 1, 0).astype(np.uint8))
    assert evaluate.main(flags(label_folders, *asked, "--cases", "a", *QUICK)) == code
    line = "class 2 (label 2): in 1 of 1 truths and in no prediction"
    assert f"{'error' if code else 'warning'}: {line}" in capsys.readouterr().err


def test_a_label_that_no_prediction_has_is_an_error(label_folders, capsys):
    assert evaluate.main(flags(label_folders, "--truth-labels", "1", "--prediction-labels", "3", *QUICK)) == 1
    assert "error: --prediction-labels 3: no prediction has a voxel of it" in capsys.readouterr().err
    save(label_folders[0] / "a.nii.gz", np.where(vessel(4), 3, 0).astype(np.uint8))
    assert evaluate.main(flags(label_folders, "--truth-labels", "1", "--prediction-labels", "3", *QUICK)) == 0


def test_labels_in_no_class_are_told_once_for_all_cases(label_folders, capsys):
    save(label_folders[1] / "b.nii.gz", np.where(TRUE_LABELS > 0, TRUE_LABELS, vessel(8) * np.uint8(255)))
    assert evaluate.main(flags(label_folders, "--classes", "portal=1", *QUICK)) == 0
    told = capsys.readouterr()
    assert "rows of cases" not in told.out
    assert told.err.count("\n") == 1
    assert (
        "warning: labels in no class count as background: 2 (2 truths and 2 predictions), 255 (1 truth); --ignore-label"
        in told.err
    )
    assert evaluate.main(flags(label_folders, "--classes", "1", "2", "--ignore-label", "255", *QUICK)) == 0
    told = capsys.readouterr()
    assert (told.err, told.out.partition("\n")[0]) == ("", "rows of cases: mean over 2 classes")


def test_a_class_in_no_file_is_an_error_and_the_scores_are_written(label_folders, capsys):
    assert evaluate.main(flags(label_folders, "--classes", "1", "7", *QUICK)) == 1
    told = capsys.readouterr().err
    assert "error: class 7 (label 7): no voxel of it counts in any truth or prediction; are its labels right?" in told
    assert "(the scores are written)" in told
    assert read_json(label_folders[2])["classes"]["1"]["summary"]["counts"]["counted"] == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--classes", "1", "--every-class"], "--classes and --every-class: both say which classes there are"),
        (["--every-class", "--truth-labels", "1"], "--every-class and --truth-labels"),
        (["--regions", "a=1"], "--regions: are made of classes"),
        (["--classes", "1", "--regions", "a=7"], "no class '7'; there are 1"),
        (["--classes", "1", "--ignore-label", "1"], "ignore label 1: is a label of class 1, too"),
        (["--classes", "1", "--ignore-label", "0"], "ignore"),
        (["--classes", "portal=2", "hepatic=2"], "--classes: label 2 is of portal and of hepatic; give it to one"),
        (["--classes", "1", "all=1+2"], "label 1 is of 1 and of all; give it to one, or make a mask of several"),
        (["--classes-of", "gone"], "--classes-of gone: no such file or folder"),
        (["--classes-of", "TRUTH"], "neither a run nor a folder of prepared cases"),
        (["--classes-of", "TRUTH/bad.json"], "not a JSON file"),
        (["--classes-of", "TRUTH/bad.yaml"], "not a YAML file"),
        (["--classes-of", "TRUTH/list.yaml"], "expected keys with values, got list"),
        (["--classes-of", "TRUTH/none.json"], "holds no classes; give one with classes:"),
        (["--classes-of", "TRUTH/twice.json"], "value 1 is of a and of b; give it to one"),
        (["--classes-of", "TRUTH/none.json", "--ignore-label", "9"], "--classes-of and --ignore-label"),
        (["--classes", "1", "--prepared", "TRUTH"], "--prepared and --classes: a ceiling is of one vessel mask"),
    ],
)
def test_what_makes_no_sense_is_one_line(label_folders, change: list[str], says: str):
    truth = label_folders[1]
    (truth / "bad.json").write_text("{")
    (truth / "bad.yaml").write_text("a: [")
    (truth / "list.yaml").write_text("- a")
    (truth / "none.json").write_text("{}")
    (truth / "twice.json").write_text(json.dumps({"classes": {"a": 1, "b": 1}}))
    change = [word.replace("TRUTH", str(truth)) for word in change]
    with pytest.raises((ValueError, OSError)) as complaint:
        evaluate.main(flags(label_folders, *change))
    assert says in str(complaint.value)
    assert "\n" not in str(complaint.value)
    assert not label_folders[2].exists()


def test_the_command_says_it_in_one_line(label_folders, capsys):
    code, told = call(flags(label_folders, "--classes", "artery"), capsys)
    assert (code, len(told.splitlines())) == (2, 1)
    assert told.startswith("error: class 'artery': expected a label such as 1")


def test_the_measures_of_topcow(label_folders, capsys):
    """With its file of settings; the two labels are the basilar artery and the right PCA."""
    config = ["--config", str(Path(evaluate.__file__).parent / "configs" / "evaluation" / "topcow.yaml")]
    assert evaluate.main(flags(label_folders, *config, *QUICK)) == 0
    report = read_json(label_folders[2])
    assert len(report["classes"]) == 13
    assert report["topcow"]["summary"]["dice"]["mean"] == pytest.approx(report["summary"]["dice"]["mean"])
    assert report["topcow"]["cases"]["a"]["detections"]["Acom"] == "tn"
    told = capsys.readouterr()
    assert "as TopCoW measures:\n  class-average Dice: 0.8333" in told.out
    assert "warning: class 3rd-A2 (label 15): no voxel of it counts" in told.err


def test_topcow_asks_for_its_classes(label_folders):
    for change, says in ((["--classes", "1"], "no class BA"), ([], "--topcow: needs the classes")):
        with pytest.raises(ValueError, match=says):
            evaluate.main(flags(label_folders, "--topcow", *change))


def test_each_class_is_exported_into_a_folder_of_its_own(label_folders, tmp_path: Path):
    place = tmp_path / "exports"
    more = ["--classes", "portal=1", "2", "--export", str(place), "--export-forms", "stl", "vtp", "glb", *QUICK]
    assert evaluate.main(flags(label_folders, *more)) == 0
    found = {path.relative_to(place / "a").as_posix() for path in (place / "a").rglob("*.*")}
    assert {"classes.glb", "truth.stl", "portal/truth.stl", "portal/missed.stl", "2/prediction_centreline.vtp"} <= found
    assert "2/missed.stl" not in found
    document = (place / "a" / "classes.glb").read_bytes()
    assert all(f"{what} {name}".encode() in document for what in ("truth", "prediction") for name in ("portal", "2"))
    # Again over its own files, and one that is no longer there goes.
    save(label_folders[0] / "a.nii.gz", TRUE_LABELS)
    assert evaluate.main(flags(label_folders, *more)) == 0
    assert not (place / "a" / "portal" / "missed.stl").exists()


def test_a_class_whose_name_is_no_folder_is_not_exported(label_folders, tmp_path: Path):
    with pytest.raises(ValueError, match="'a/b': the name cannot be that of a folder to export to"):
        evaluate.main(flags(label_folders, "--classes", "a/b=1", "--export", str(tmp_path / "exports")))
