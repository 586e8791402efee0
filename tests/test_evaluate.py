import csv
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

import evaluate
from data.files import read_mask, write_volume
from data.volume import Volume
from metrics.case import EvaluationSettings, analyse_pair, evaluate_case

SPACING = (2.0, 0.75, 0.75)  # as exact in the float32 of a NIfTI header as here
SHAPE = (8, 16, 20)
ROOT = Path(evaluate.__file__).parent


def vessel(row: int, start: int = 3, stop: int = 17) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[3:6, row - 1 : row + 2, start:stop] = True
    return mask


def save(path: Path, array: np.ndarray, origin_mm: tuple[float, ...] = (10.0, 20.0, 30.0)) -> Path:
    write_volume(path, Volume(array, SPACING, origin_mm))
    return path


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Three good pairs; the predictions come with their probabilities, as the predict stage writes them."""
    prediction, truth = tmp_path / "prediction", tmp_path / "truth"
    for name, array in {"a": vessel(8), "b": vessel(9), "c": np.zeros(SHAPE, dtype=bool)}.items():
        save(prediction / f"{name}.nii.gz", array)
        save(prediction / f"{name}_probabilities.nii.gz", array.astype(np.float32) * 0.7)
        save(truth / f"{name}.nii.gz", vessel(8))
    return prediction, truth, tmp_path / "scores"


def flags(folders: tuple[Path, Path, Path], *more: str) -> list[str]:
    prediction, truth, output = folders
    return ["--prediction", str(prediction), "--truth", str(truth), "--output", str(output), *more]


def read_json(output: Path) -> dict:
    return json.loads((output / "metrics.json").read_text(encoding="utf-8"))


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
    assert sorted(path.name for path in output.iterdir()) == ["metrics.csv", "metrics.json"]
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


def test_several_processes_give_the_same_scores(folders):
    evaluate.main(flags(folders))
    alone = read_json(folders[2])
    evaluate.main(flags(folders, "--workers", "2"))
    assert read_json(folders[2]) == alone


def test_chosen_cases_alone(folders, capsys):
    assert evaluate.main(flags(folders, "--cases", "b", "d")) == 1
    report = read_json(folders[2])
    assert (list(report["cases"]), list(report["failed"])) == (["b"], ["d"])


def break_file(folders: tuple[Path, Path, Path], kind: str) -> None:
    """Make case b bad in one way."""
    prediction, truth, _ = folders
    path = prediction / "b.nii.gz"
    if kind == "other shape":
        save(path, vessel(8)[:, :, :-1])
    elif kind == "other place":
        save(path, vessel(8), origin_mm=(10.0, 20.0, 31.0))
    elif kind == "probabilities":
        save(path, vessel(8).astype(np.float32) * 0.5)
    elif kind == "labels":
        save(path, vessel(8).astype(np.uint8) + vessel(9))
    elif kind == "NaN":
        path.unlink()
        save(prediction / "b.mha", np.where(vessel(8), np.nan, 0).astype(np.float32))
    elif kind == "4D":
        import SimpleITK

        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.zeros((2, 4, 4, 4), np.uint8), isVector=False), str(path))
    elif kind == "text":
        path.write_text("not an image")
    elif kind == "truncated":
        path.write_bytes(path.read_bytes()[:-40])
    elif kind == "cut before compression":
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1000]))
    elif kind == "no prediction":
        path.unlink()
    elif kind == "no truth":
        (truth / "b.nii.gz").unlink()
    elif kind == "two predictions":
        save(prediction / "b_mask.nii.gz", vessel(8))


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("other shape", "b.nii.gz does not lie on"),
        ("other place", "b.nii.gz does not lie on"),
        ("probabilities", "probabilities where a mask is expected"),
        ("labels", "--classes of evaluate.py"),
        ("NaN", "NaN"),
        ("4D", "b.nii.gz"),
        ("text", "b.nii.gz"),
        ("truncated", "b.nii.gz"),
        ("cut before compression", "b.nii.gz"),
        ("no prediction", "no prediction of that name in"),
        ("no truth", "no truth of that name in"),
        ("two predictions", "2 files for its prediction (b.nii.gz, b_mask.nii.gz)"),
    ],
)
def test_a_bad_case_is_one_line_and_the_others_go_on(folders, capsys, kind: str, says: str):
    break_file(folders, kind)
    assert evaluate.main(flags(folders)) == 1
    report = read_json(folders[2])
    assert list(report["cases"]) == ["a", "c"]
    assert list(report["failed"]) == ["b"]
    assert report["summary"]["counts"]["failed"] == 1
    complaint = capsys.readouterr().err
    assert complaint == f"failed: b: {report['failed']['b']}\n"
    assert says in complaint


def test_geometry_mismatch_names_both_files(folders, capsys):
    break_file(folders, "other place")
    evaluate.main(flags(folders))
    complaint = capsys.readouterr().err
    assert str(folders[0] / "b.nii.gz") in complaint
    assert str(folders[1] / "b.nii.gz") in complaint


def test_resampling_brings_the_prediction_onto_the_truths_grid(folders):
    whole = np.pad(vessel(8), ((1, 1), (1, 1), (1, 1)))
    origin = tuple(start - step for start, step in zip((10.0, 20.0, 30.0), SPACING, strict=True))
    save(folders[0] / "b.nii.gz", whole, origin_mm=origin)
    assert evaluate.main(flags(folders)) == 1
    assert evaluate.main(flags(folders, "--resample-masks")) == 0
    assert read_json(folders[2])["cases"]["b"]["dice"] == 1.0


def test_pictures_take_the_spacing_given(tmp_path: Path):
    image = pytest.importorskip("skimage.io")
    picture = np.zeros((12, 12), dtype=np.uint8)
    picture[5, 2:10] = 255
    for folder, rows in (("p", 3), ("t", 0)):
        (tmp_path / folder).mkdir()
        image.imsave(tmp_path / folder / "x.png", np.roll(picture, rows, axis=0), check_contrast=False)
    run = (tmp_path / "p", tmp_path / "t", tmp_path / "scores")
    evaluate.main(flags(run))
    assert read_json(run[2])["cases"]["x"]["hd_mm"] == 3.0
    evaluate.main(flags(run, "--spacing-mm", "0.5", "1.0"))
    assert read_json(run[2])["cases"]["x"]["hd_mm"] == 1.5


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
    assert evaluate.main(flags(label_folders, "--classes", "portal=1", "2", "all=1+2")) == 0
    report = read_json(label_folders[2])
    assert list(report["classes"]) == ["portal", "2", "all"]
    assert report["classes"]["2"]["cases"]["c"] == evaluate_case(vessel(11) & False, vessel(11), SPACING)
    assert report["classes"]["2"]["summary"]["counts"]["missed"] == 1
    assert report["cases"]["c"]["dice"] == pytest.approx((1 + 0 + 2 / 3) / 3)
    shown = capsys.readouterr().out
    assert next(line for line in shown.splitlines() if line.startswith("class 2")).split()[2] == "0.6667"


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


def as_a_command(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "evaluate.py"), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_the_command_ends_with_the_case_that_failed(folders):
    break_file(folders, "text")
    done = as_a_command(flags(folders))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("failed: b: ")
    assert "2 evaluated, 1 failed" in done.stdout


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--truth", "gone"], "--truth gone: no such file or folder"),
        (["--workers", "0"], "workers"),
        (["--organs", "x"], "--organ"),
        (["--measures", "speed"], "no family of measures is called speed; there are overlap, centreline"),
        (["--classes", "vein"], "class 'vein': expected a label such as 1"),
        (["--surface.tolerance-mm", "-1"], "tolerance"),
        (["--skeleton", "thin"], "skeleton"),
        (["--output", str(ROOT / "evaluate.py")], "evaluate.py"),
    ],
)
def test_bad_commands_end_in_one_line(folders, change: list[str], says: str):
    done = as_a_command(flags(folders, *change))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr
    assert not folders[2].exists()


def test_a_truth_that_lies_elsewhere_than_its_organ_is_told(real_data: Path, tmp_path: Path, capsys):
    """As they ship, the vessels of case 1 have their origin at 0, and its liver has not; those of case 5 agree."""
    masks = real_data / "ircadb_masks"
    more = ["--prediction-suffix", "_vessel", "--truth-suffix", "_vessel", "--organ", str(masks)]
    chosen = ["--organ-suffix", "_liver", "--cases", "3Dircadb-1", "3Dircadb-5"]
    assert evaluate.main(flags((masks, masks, tmp_path), *more, *chosen)) == 1
    report = read_json(tmp_path)
    assert report["cases"]["3Dircadb-5"]["cldice"] == 1.0
    assert "3Dircadb-1_liver.nii.gz does not lie on" in report["failed"]["3Dircadb-1"]
    assert "3Dircadb-1_vessel.nii.gz" in capsys.readouterr().err


def test_what_is_wrong_with_a_liver_tree_is_seen_where_it_should_be(real_data: Path, tmp_path: Path):
    """A drawn tree against a thickened, a thinned and a broken copy of itself."""
    truth = read_mask(real_data / "liver_trees" / "case0227.nii.gz")
    tree = truth.array
    broken = tree.copy()
    for voxel in np.argwhere(tree)[:: np.count_nonzero(tree) // 40]:
        broken[tuple(slice(max(i - 3, 0), i + 4) for i in voxel)] = False
    copies = {"same": tree, "thick": ndimage.binary_dilation(tree), "thin": ndimage.binary_erosion(tree)}
    for name, copy in {**copies, "broken": broken}.items():
        write_volume(tmp_path / "p" / f"{name}.nii.gz", truth.with_array(copy))
        write_volume(tmp_path / "t" / f"{name}.nii.gz", truth)
    assert evaluate.main(flags((tmp_path / "p", tmp_path / "t", tmp_path / "scores"))) == 0
    report = read_json(tmp_path / "scores")
    rows = report["cases"]
    assert all(rows["same"][name] == float(one["better"] == "higher") for name, one in report["measures"].items())
    assert (rows["thick"]["sensitivity"], rows["thick"]["tsens"], rows["thick"]["fnr"]) == (1.0, 1.0, 0.0)
    assert rows["thick"]["precision"] < rows["thick"]["tprec"]
    assert rows["thick"]["hd_mm"] == max(truth.spacing_mm)
    assert (rows["thin"]["precision"], rows["thin"]["fpr"]) == (1.0, 0.0)
    # Eroded, the small vessels are gone and the large are there.
    assert rows["thin"]["scale_1_tsens"] < rows["thin"]["scale_3_tsens"]
    assert (rows["broken"]["precision"], rows["broken"]["tprec"]) == (1.0, 1.0)
    assert rows["broken"]["betti0_error"] > 10
    assert rows["broken"]["length_accuracy"] < rows["thick"]["length_accuracy"]


def test_a_circle_of_willis_against_itself(real_data: Path, tmp_path: Path, capsys):
    arteries = real_data / "circle_of_willis" / "topcow_ct_roi_003.nii.gz"
    assert evaluate.main(flags((arteries, arteries, tmp_path))) == 1
    assert "12 different labels" in capsys.readouterr().err
    classes = ["--classes", *map(str, range(1, 13)), "15"]
    assert evaluate.main(flags((arteries, arteries, tmp_path), *classes)) == 0
    report = read_json(tmp_path)
    assert {section["cases"][arteries.name[:-7]]["cldice"] for section in report["classes"].values()} == {1.0}
    # This patient has no artery 15: scored as empty in both, and told.
    assert report["classes"]["15"]["summary"]["counts"]["both_empty"] == 1


def test_a_report_shows_every_case_and_what_failed(folders, tmp_path: Path, capsys):
    prediction, truth, _ = folders
    for folder in (prediction, truth):
        save(folder / "<img src=x onerror=alert(1)>.nii.gz", vessel(8))
    break_file(folders, "text")
    page = tmp_path / "pages" / "report.html"
    assert evaluate.main(flags(folders, "--report", str(page), "--workers", "2", "--shown.surfaces", "1")) == 1
    content = page.read_text(encoding="utf-8")
    assert "<img src=x" not in content
    assert "&lt;img src=x onerror=alert(1)&gt;" in content
    report = read_json(folders[2])
    assert f"{report['summary']['dice']['mean']:.3f}" in content
    assert content.count('<details class="card case"') == 3
    assert content.count("<canvas") == 1
    assert "1 case could not be evaluated" in content
    assert str(page) in capsys.readouterr().out


def test_a_fault_of_ours_costs_one_case(folders, monkeypatch, capsys):
    def analyse(prediction, *rest):
        if prediction.sum() == 0:
            raise IndexError("out of bounds")
        return analyse_pair(prediction, *rest)

    monkeypatch.setattr("evaluate.analyse_pair", analyse)
    assert evaluate.main(flags(folders)) == 1
    report = read_json(folders[2])
    assert (set(report["cases"]), report["failed"]) == (
        {"a", "b"},
        {"c": "IndexError: out of bounds (traceback above)"},
    )
    assert "Traceback" in capsys.readouterr().err


def test_exports_lie_in_a_folder_a_case(folders, tmp_path: Path):
    more = ["--export", str(tmp_path / "files"), "--export-coordinates", "ras", "--export-forms", "stl", "swc"]
    assert evaluate.main(flags(folders, *more)) == 0
    found = {str(path.relative_to(tmp_path / "files")) for path in (tmp_path / "files").rglob("*.*")}
    assert {"a/truth.stl", "a/prediction.stl", "a/truth_centreline.swc", "c/missed.stl"} <= found
    assert not {"a/missed.stl", "c/prediction.stl"} & found
    # The last corner of vessel(8) along each axis, half a voxel further out, in RAS.
    edge = np.array([10 + 5.5 * 2, 20 + 9.5 * 0.75, 30 + 16.5 * 0.75])
    points = np.frombuffer((tmp_path / "files" / "a" / "truth.stl").read_bytes()[84:], "3<f4, (3,3)<f4, <u2")["f1"]
    np.testing.assert_allclose(points.reshape(-1, 3).max(axis=0)[2], edge[0], atol=1e-4)
    np.testing.assert_allclose(points.reshape(-1, 3).min(axis=0)[:2], -edge[[2, 1]], atol=1e-4)


def test_events_stand_beside_a_run(folders, tmp_path: Path):
    assert evaluate.main(flags(folders, "--tensorboard", str(tmp_path / "run"))) == 0
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["evaluation"]
    assert len(list((tmp_path / "run" / "evaluation").glob("events.out.tfevents.*"))) == 1


def test_label_maps_have_a_report_too(folders, tmp_path: Path):
    prediction, truth, _ = folders
    for name in "abc":
        labels = vessel(8).astype(np.uint8) + 2 * vessel(3).astype(np.uint8)
        save(truth / f"{name}.nii.gz", labels)
        save(prediction / f"{name}.nii.gz", np.where(labels == 2, 0, labels))
    more = ["--classes", "portal=1", "hepatic=2", "--report", str(tmp_path / "r.html"), "--shown.surfaces", "0"]
    assert evaluate.main(flags(folders, *more)) == 0
    content = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Means by class" in content
    assert "hepatic" in content


def test_a_report_that_cannot_be_written_is_told_before_the_work(folders, tmp_path: Path):
    done = as_a_command(flags(folders, "--report", str(tmp_path)))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "expected a file to write, got a folder" in done.stderr
    assert not (folders[2] / "metrics.json").exists()


def test_only_tensorboard_loads_torch(folders, tmp_path: Path):
    code = "import sys, evaluate; evaluate.main(sys.argv[1:]); sys.exit('torch' in sys.modules)"
    more = ["--report", str(tmp_path / "r.html"), "--export", str(tmp_path / "files"), "--cases", "a"]
    done = subprocess.run(
        [sys.executable, "-c", code, *flags(folders, *more)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
