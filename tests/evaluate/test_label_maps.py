"""Label maps are evaluated class by class."""

from pathlib import Path

import numpy as np
import pytest

from ramify import evaluate
from ramify.metrics.case import evaluate_case
from tests.evaluate.pairs import SHAPE, SPACING, flags, read_json, save, vessel


@pytest.fixture
def label_folders(folders) -> tuple[Path, Path, Path]:
    """Predictions and truths of two classes; in case c the second is missed."""
    prediction, truth, output = folders
    for name in "abc":
        true_labels = np.where(vessel(4), 1, np.where(vessel(11), 2, 0)).astype(np.uint8)
        save(truth / f"{name}.nii.gz", true_labels)
        save(prediction / f"{name}.nii.gz", np.where((true_labels == 2) & (name == "c"), 0, true_labels))
    return prediction, truth, output


def test_label_maps_are_measured_class_by_class(label_folders, capsys):
    assert evaluate.main(flags(label_folders, "--classes", "portal=1", "2", "--regions", "all=portal+2")) == 0
    report = read_json(label_folders[2])
    assert list(report["classes"]) == ["portal", "2"]
    assert list(report["regions"]) == ["any_vessel", "all"]
    assert report["regions"]["any_vessel"]["cases"] == report["regions"]["all"]["cases"]
    assert report["classes"]["2"]["cases"]["c"] == evaluate_case(vessel(11) & False, vessel(11), SPACING)
    assert report["classes"]["2"]["summary"]["counts"]["missed"] == 1
    assert report["cases"]["c"]["dice"] == pytest.approx((1 + 0) / 2)
    shown = capsys.readouterr().out
    assert next(line for line in shown.splitlines() if line.startswith("class 2")).split()[2] == "0.6667"


@pytest.mark.integration
def test_label_maps_with_several_processes_and_an_organ(label_folders, tmp_path: Path):
    organ = np.zeros(SHAPE, dtype=bool)
    organ[:, :10] = True
    for name in "abc":
        save(tmp_path / "livers" / f"{name}.nii.gz", organ)
    run = ["--classes", "1", "2", "--organ", str(tmp_path / "livers")]
    evaluate.main(flags(label_folders, *run))
    alone = read_json(label_folders[2])
    # The second class lies outside the organ, in truth and prediction.
    assert alone["classes"]["2"]["summary"]["counts"]["both_empty"] == 3
    evaluate.main(flags(label_folders, *run, "--workers", "2"))
    assert read_json(label_folders[2]) == alone


def test_label_maps_are_resampled_by_label(label_folders):
    prediction = label_folders[0] / "b.nii.gz"
    true_labels = np.where(vessel(4), 1, np.where(vessel(11), 2, 0)).astype(np.uint8)
    origin = tuple(start - step for start, step in zip((10.0, 20.0, 30.0), SPACING, strict=True))
    save(prediction, np.pad(true_labels, 1), origin_mm=origin)
    assert evaluate.main(flags(label_folders, "--classes", "1", "2")) == 1
    assert evaluate.main(flags(label_folders, "--classes", "1", "2", "--resample-masks")) == 0
    assert read_json(label_folders[2])["classes"]["2"]["cases"]["b"]["dice"] == 1.0


def test_label_maps_have_a_report_too(folders, tmp_path: Path):
    prediction, truth, _ = folders
    for name in "abc":
        labels = vessel(8).astype(np.uint8) + 2 * vessel(3).astype(np.uint8)
        save(truth / f"{name}.nii.gz", labels)
        save(prediction / f"{name}.nii.gz", np.where(labels == 2, 0, labels))
    more = ["--classes", "portal=1", "hepatic=2", "--report", str(tmp_path / "r.html"), "--shown.surfaces", "0"]
    assert evaluate.main(flags(folders, *more)) == 1  # no prediction has a hepatic vein
    content = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "mean of the classes" in content
    assert "hepatic" in content


def test_labels_of_the_truth_are_one_mask(folders, tmp_path: Path, capsys):
    """A truth in which 1 is the liver and 2 the vessels, against a plain mask."""
    _, truth, output = folders
    liver = np.zeros(SHAPE, bool)
    liver[2:7, 5:12] = True
    for name in "abc":
        save(truth / f"{name}.nii.gz", np.where(vessel(8), 2, liver).astype(np.uint8))
    (truth / "dataset.json").write_text('{"labels": {"background": 0, "liver": 1, "Vessel": 2}}', encoding="utf-8")
    assert evaluate.main(flags(folders)) == 1
    assert "are the vessels with --truth-labels" in capsys.readouterr().err
    for label in "2", "vessel":
        assert evaluate.main(flags(folders, "--truth-labels", label)) == 0
        assert read_json(output)["cases"]["b"] == evaluate_case(vessel(9), vessel(8), SPACING)
    organ = ["--organ", str(truth), "--organ-labels", "liver", "2"]
    assert evaluate.main(flags(folders, "--truth-labels", "2", *organ)) == 0
    told = read_json(output)["settings"]
    assert (told["truth_labels"], told["prediction_labels"], told["cut_to_organ"]) == (["2"], [], True)
    region = liver | vessel(8)
    assert read_json(output)["cases"]["b"] == evaluate_case(vessel(9), vessel(8), SPACING, region=region)
    assert evaluate.main(flags(folders, "--truth-labels", "arteries")) == 1
    assert "no label 'arteries' (--truth-labels" in capsys.readouterr().err


def test_a_label_that_no_file_has_is_told(folders, capsys):
    assert evaluate.main(flags(folders, "--truth-labels", "2", "--cases", "a")) == 0
    assert "warning: a: truth: a.nii.gz holds no vessels (label 2); it has 1" in capsys.readouterr().err


def test_a_label_that_no_truth_has_is_an_error(folders, capsys):
    assert evaluate.main(flags(folders, "--truth-labels", "2")) == 1
    told = capsys.readouterr().err
    assert "error: --truth-labels 2: no truth has a voxel of it; is it right? (the scores are written)" in told
    assert evaluate.main(flags(folders, "--classes", "1", "2")) == 1
    assert "error: class 2 (label 2): no voxel of it counts" in capsys.readouterr().err
    for case in "abc":
        save(folders[0] / f"{case}.nii.gz", np.where(vessel(9), 2, vessel(4)).astype(np.uint8))
    assert evaluate.main(flags(folders, "--classes", "1", "2")) == 1
    assert "error: class 2 (label 2): in 3 of 3 predictions and in no truth" in capsys.readouterr().err


def test_a_number_that_the_description_does_not_list_fails_the_case(folders, capsys):
    (folders[1] / "dataset.json").write_text('{"labels": {"background": 0, "Liver": 1, "Vessel": 4}}', encoding="utf-8")
    assert evaluate.main(flags(folders, "--truth-labels", "2")) == 1
    assert "no label 2 (--truth-labels); it has Liver = 1" in capsys.readouterr().err
    # One that is listed may be missing here and there; and one that is not, though it is there, is right.
    assert evaluate.main(flags(folders, "--truth-labels", "4", "--cases", "a")) == 0
    (folders[1] / "dataset.json").write_text('{"labels": {"background": 0, "Vessel": 4}}', encoding="utf-8")
    assert evaluate.main(flags(folders, "--truth-labels", "1")) == 0


def test_numbers_are_told_by_their_names(folders, capsys):
    (folders[1] / "dataset.json").write_text('{"labels": {"background": 0, "Liver": 1}}', encoding="utf-8")
    assert evaluate.main(flags(folders, "--truth-labels", "1")) == 0
    assert "note: truth: label 1 is called Liver, an organ: is that what is compared?" in capsys.readouterr().err
    assert evaluate.main(flags(folders, "--classes", "vessel=1")) == 0
    assert "note: class vessel: label 1 is called Liver, an organ" in capsys.readouterr().err
    assert evaluate.main(flags(folders, "--classes", "liver=1")) == 0
    assert "note: " not in capsys.readouterr().err
