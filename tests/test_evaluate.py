import csv
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import evaluate
from data.files import write_volume
from data.volume import Volume
from metrics.case import evaluate_case

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
    return json.loads((output / "metrics.json").read_text())


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
    assert read_json(folders[2])["cases"]["b"] == evaluate_case(vessel(9) & organ, vessel(8) & organ, SPACING)


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
        ("labels", "different labels"),
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
