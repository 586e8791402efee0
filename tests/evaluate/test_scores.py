"""A row a case, on whatever grid, in the measures that are asked for."""

import csv
from pathlib import Path

import numpy as np
import pytest
import tifffile

from ramify import evaluate
from ramify.data.files import write_volume
from ramify.data.volume import Volume
from ramify.metrics.case import evaluate_case
from ramify.metrics.settings import EvaluationSettings
from tests.evaluate.pairs import SHAPE, SPACING, flags, read_json, save, vessel


def test_a_row_a_case_in_json_csv_and_on_screen(folders, capsys):
    assert evaluate.main(flags(folders)) == 0
    output = folders[2]
    report = read_json(output)
    assert list(report["cases"]) == ["a", "b", "c"]
    assert report["cases"]["b"] == evaluate_case(vessel(9), vessel(8), SPACING)
    assert report["cases"]["c"]["empty_prediction"] is True
    assert report["summary"]["dice"]["mean"] == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert report["summary"]["counts"]["missed"] == 1
    assert report["failed"] == {}
    assert "commit" in report["versions"]
    with (output / "metrics.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["case"] for row in rows] == ["a", "b", "c", "mean", "sd", "median"]
    assert float(rows[1]["hd_mm"]) == report["cases"]["b"]["hd_mm"] == 0.75
    assert sorted(path.name for path in output.glob("[!.]*")) == ["metrics.csv", "metrics.json"]
    shown = capsys.readouterr().out
    assert next(line for line in shown.splitlines() if line.startswith("b ")).split()[:3] == ["b", "0.6667", "0.5000"]
    assert "3 evaluated, 0 failed" in shown


def test_single_files(tmp_path: Path):
    prediction, truth = save(tmp_path / "p" / "x_mask.nii.gz", vessel(9)), save(tmp_path / "t" / "y.mha", vessel(8))
    assert evaluate.main(flags((prediction, truth, tmp_path / "scores"))) == 0
    assert list(read_json(tmp_path / "scores")["cases"]) == ["x"]


def test_masks_are_cut_to_the_organ(folders, tmp_path: Path):
    organ = np.zeros(SHAPE, dtype=bool)
    organ[:, :, 8:] = True
    for name in "abc":
        save(tmp_path / "livers" / f"{name}_liver.nii.gz", organ)
    assert evaluate.main(flags(folders, "--organ", str(tmp_path / "livers"), "--organ-suffix", "_liver")) == 0
    row = read_json(folders[2])["cases"]["b"]
    assert row == evaluate_case(vessel(9), vessel(8), SPACING, region=organ)
    # Background is that of the organ: half of the volume.
    assert row["accuracy"] == np.mean((vessel(9) == vessel(8))[organ])


def test_an_empty_organ_is_no_perfect_score(folders, tmp_path: Path, capsys):
    for name in "abc":
        save(tmp_path / "livers" / f"{name}.nii.gz", np.full(SHAPE, name != "b"))
    assert evaluate.main(flags(folders, "--organ", str(tmp_path / "livers"))) == 1
    assert list(read_json(folders[2])["cases"]) == ["a", "c"]
    assert "the organ mask is empty" in capsys.readouterr().err


@pytest.mark.integration
def test_several_processes_give_the_same_scores(folders):
    assert evaluate.main(flags(folders)) == 0
    alone, table = read_json(folders[2]), (folders[2] / "metrics.csv").read_bytes()
    assert evaluate.main(flags(folders, "--workers", "2")) == 0
    assert read_json(folders[2]) == alone
    assert (folders[2] / "metrics.csv").read_bytes() == table


def test_chosen_cases_alone(folders, capsys):
    assert evaluate.main(flags(folders, "--cases", "b", "d")) == 1
    report = read_json(folders[2])
    assert (list(report["cases"]), list(report["failed"])) == (["b"], ["d"])


def test_resampling_brings_the_prediction_onto_the_truths_grid(folders):
    whole = np.pad(vessel(8), ((1, 1), (1, 1), (1, 1)))
    origin = tuple(start - step for start, step in zip((10.0, 20.0, 30.0), SPACING, strict=True))
    save(folders[0] / "b.nii.gz", whole, origin_mm=origin)
    assert evaluate.main(flags(folders)) == 1
    assert evaluate.main(flags(folders, "--resample-masks")) == 0
    assert read_json(folders[2])["cases"]["b"]["dice"] == 1.0


def test_nothing_predicted_is_dropped_for_a_truth_that_was_cropped(folders, capsys):
    prediction, truth, output = folders
    save(prediction / "b.nii.gz", vessel(8) | vessel(13))
    evaluate.main(flags(folders))
    whole = read_json(output)["cases"]["b"]
    (truth / "b.nii.gz").unlink()
    box = (slice(3, 6), slice(7, 10), slice(3, 17))
    origin = tuple(at + part.start * step for at, part, step in zip((10.0, 20.0, 30.0), box, SPACING, strict=True))
    save(truth / "b.nrrd", vessel(8)[box], origin_mm=origin)
    assert evaluate.main(flags(folders)) == 1
    assert "--resample-masks" in capsys.readouterr().err
    assert evaluate.main(flags(folders, "--resample-masks")) == 0
    assert read_json(output)["cases"]["b"] == whole
    told = capsys.readouterr().err
    assert told.startswith("warning: b: 50.0% of ")
    assert told.count("warning:") == 1
    assert [len(notes) for notes in read_json(output)["notes"].values()] == [1]


def test_masks_that_are_hardly_vessels_are_told(folders, capsys):
    prediction, truth, output = folders
    write_volume(truth / "b.nii.gz", Volume(~vessel(8), (2.0, 0.35278, 0.35278)))
    write_volume(prediction / "b.nii.gz", Volume(vessel(8), (2.0, 0.35278, 0.35278)))
    assert evaluate.main(flags(folders)) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: b: ")]
    assert any("truth: vessels fill 9" in line for line in told)
    assert any("72 dots per inch" in line for line in told)
    assert len(told) == len(read_json(output)["notes"]["b"]) == 2


@pytest.mark.parametrize("role", [0, 1])
def test_a_stack_lies_on_the_file_that_has_a_spacing(folders, capsys, role):
    output = folders[2]
    for folder, array in zip(folders, (vessel(8), vessel(9))):
        for path in folder.glob("[bc].nii.gz"):
            path.unlink()
        write_volume(folder / "a.nii.gz", Volume(array, SPACING))
    assert evaluate.main(flags(folders)) == 0
    expected = read_json(output)["cases"]
    (folders[role] / "a.nii.gz").unlink()
    tifffile.imwrite(folders[role] / "a.tif", (vessel(8), vessel(9))[role].astype(np.uint8), photometric="minisblack")
    capsys.readouterr()
    assert evaluate.main(flags(folders, "--resample-masks")) == 0
    assert read_json(output)["cases"] == expected
    assert "its file carries no millimetres: taken to lie on the other one" in capsys.readouterr().err


def test_pictures_take_the_spacing_given(tmp_path: Path, capsys):
    image = pytest.importorskip("skimage.io")
    picture = np.zeros((12, 12), dtype=np.uint8)
    picture[5, 2:10] = 255
    for folder, rows in (("p", 3), ("t", 0)):
        (tmp_path / folder).mkdir()
        image.imsave(tmp_path / folder / "x.png", np.roll(picture, rows, axis=0), check_contrast=False)
    run = (tmp_path / "p", tmp_path / "t", tmp_path / "scores")
    evaluate.main(flags(run))
    assert read_json(run[2])["cases"]["x"]["hd_mm"] == 3.0
    assert "x: its file carries no millimetres: a voxel counts as 1 mm; give" in capsys.readouterr().err
    evaluate.main(flags(run, "--spacing-mm", "0.5", "1.0"))
    assert read_json(run[2])["cases"]["x"]["hd_mm"] == 1.5
    assert "millimetres" not in capsys.readouterr().err


def test_chosen_measures_alone(folders, capsys):
    assert evaluate.main(flags(folders, "--measures", "topology", "overlap", "--topology.patch-voxels", "8")) == 0
    report = read_json(folders[2])
    settings = EvaluationSettings.model_validate({"measures": ["topology", "overlap"], "topology": {"patch_voxels": 8}})
    assert report["cases"]["b"] == evaluate_case(vessel(9), vessel(8), SPACING, settings)
    assert list(report["measures"])[-1] == "patch_euler_error"
    assert report["settings"]["topology"]["patch_voxels"] == 8
    assert "cldice" not in report["measures"]
    assert capsys.readouterr().out.splitlines()[0].split() == [
        "case", "dice", "jaccard", "betti0_error", "betti1_error",
    ]  # fmt: skip


def test_settings_of_the_measures(folders):
    wide = ["--measures", "surface", "--surface.tolerance-mm"]
    dice = []
    for tolerance in ("0.1", "0.75"):
        evaluate.main(flags(folders, *wide, tolerance))
        dice.append(read_json(folders[2])["cases"]["b"]["surface_dice"])
    assert dice[0] < dice[1] == 1.0
