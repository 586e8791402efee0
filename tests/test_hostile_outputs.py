"""Outputs that point at what is not Ramify's: every command refuses them, and no file is lost or changed."""

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import demo
from benchmarks import branch_radii, report_example, threshold
from ramify import analyse, compare, evaluate, experiment, export, predict, preprocess, synthesise, train, tune
from ramify.console.signals import last_words
from ramify.data.case_store import prepare_store, write_case
from ramify.data.files import read_mask, write_volume
from ramify.data.volume import Volume
from ramify.disk import own_files
from ramify.disk.atomic_files import write_whole
from ramify.disk.outputs import Outputs
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.training.checkpoint import save_checkpoint
from tests.tiny_checkpoints import untrained_state

CASES = ("a", "b")
STATE_OF_OURS = {".ramify", ".lock"}


@pytest.fixture(autouse=True)
def another_process(monkeypatch):
    """What this process wrote is not remembered, as if every command were one of its own."""
    monkeypatch.setattr(own_files, "_written", {})
    monkeypatch.setattr(own_files, "_single", {})


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """A user's disk: raw data with notes, files of other programs, links, and outputs of Ramify's."""
    place = tmp_path_factory.mktemp("world")
    write_raw(place / "raw")
    users_own(place)
    ramifys_own(place)
    (place / "broken" / "images").mkdir(parents=True)
    (place / "broken" / "images" / "a.nii.gz").write_bytes(b"cut off")
    shutil.copytree(place / "raw" / "labels", place / "broken" / "labels")
    shutil.copytree(place / "store", place / "fresh", ignore=shutil.ignore_patterns("splits_final.json"))
    return place


@pytest.fixture
def own_world(world, tmp_path) -> Path:
    """A copy, for what changes it."""
    return Path(shutil.copytree(world, tmp_path / "world", symlinks=True))


def write_raw(raw: Path) -> None:
    for number, case in enumerate(CASES):
        vessels = np.zeros((16, 16, 16), bool)
        vessels[2:14, 7 + number, 7:9] = True
        image = np.random.default_rng(number).normal(50, 10, vessels.shape) + 80 * vessels
        arrays = {"images": image.astype(np.float32), "labels": vessels, "organs": np.ones_like(vessels)}
        for folder, array in arrays.items():
            write_volume(raw / folder / f"{case}.nii.gz", Volume(array, (1.0, 1.0, 1.0)))
    (raw / "dataset.json").write_text("{}", encoding="utf-8")
    (raw / "notes.txt").write_text("seen by two readers", encoding="utf-8")


def users_own(place: Path) -> None:
    (place / "link").symlink_to(place / "raw" / "images")
    (place / "hard").mkdir()
    os.link(place / "raw" / "images" / "a.nii.gz", place / "hard" / "a.nii.gz")
    for folder in ("projects/fold_0", "projects/tiny", "projects/evaluation"):
        (place / folder).mkdir(parents=True)
        for name in ("config.yaml", "latest.pt", "table.csv", "events.out.tfevents.1.mine"):
            (place / folder / name).write_text("mine", encoding="utf-8")
    with sqlite3.connect(place / "patients.db") as connection:
        connection.execute("CREATE TABLE patients (name TEXT)")
    connection.close()
    for name, content in (("space", {"train.learning_rate": {"low": 1e-4, "high": 1e-2}}), ("experiment", TINY)):
        (place / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


TINY: dict[str, Any] = {
    "name": "tiny",
    "variants": {"one": {}, "two": {"train": {"train": {"epochs": 3}}}},
    "train": {"settings": {"device": "cpu", "loss": {"lambda_scales": [1.0]}}},
    "folds": [0],
}


def ramifys_own(place: Path) -> None:
    """A store, a run, predictions of which one was corrected, and scores."""
    Outputs().claim_folder(place / "store", "cases")
    prepare_store(place / "store", {})
    for case in ("c0", "c1", "c2"):
        scales = np.zeros((16, 16, 16), np.uint8)
        scales[2:14, 7, 7:9] = 1
        image = scales.astype(np.float32)
        arrays: dict[str, Any] = {
            "image": image[None],
            "scales": scales,
            "organ": np.ones_like(scales),
            "tubed_skeleton": scales,
        }
        record = {
            "patient_id": case,
            "shape": [16, 16, 16],
            "spacing_mm": [1.0, 1.0, 1.0],
            "scales": {"thresholds_mm": [1.5]},
            "settings": PreprocessingSettings().model_dump(mode="json"),
        }
        write_case(place / "store", case, arrays, record)
    write_whole(place / "store" / "splits_final.json", '[{"train": ["c0", "c1"], "val": ["c2"]}]')
    Outputs().claim_folder(place / "run" / "fold_0", "run")
    save_checkpoint(place / "run" / "fold_0" / "checkpoints" / "best.pt", untrained_state((16, 16, 16)))
    assert predict.main(words(place, "predict", "predictions")) == 0
    assert evaluate.main(words(place, "evaluate", "scores")) == 0
    corrected = read_mask(place / "predictions" / "b.nii.gz")
    temporary = place / "in_slicer.nii.gz"
    write_volume(temporary, corrected.with_array(~corrected.array))
    os.replace(temporary, place / "predictions" / "b.nii.gz")


def words(place: Path, command: str, output: str) -> list[str]:
    """What a command is started with to write to `output`, which a name in the world or a path from there says."""
    raw, out = place / "raw", ["--bundle" if command == "export" else "--output", f"{place}/{output}"]
    given: dict[str, list[Any]] = {
        "predict": ["--checkpoint", place / "run", "--input", raw / "images", "--organ", raw / "organs"],
        "evaluate": ["--prediction", raw / "labels", "--truth", raw / "labels", "--measures", "overlap"],
        "analyse": ["--input", raw / "labels", "--organ", raw / "organs"],
        "preprocess": ["--dataset", "pairs", "--root", raw, "--preprocessing.grid.crop", "volume"],
        "synthesise": ["--cases", "2", "--folds.folds", "2"],
        "compare": ["--results", f"one={place}/scores/metrics.json", f"two={place}/scores/metrics.json"],
        "export": ["--checkpoint", place / "run"],
        "train": ["--cases", place / "store", "--device", "cpu", "--loss.lambda-scales", "1"],
        "tune": ["--cases", place / "store", "--space", place / "space.yaml", "--study", "tiny", "--trials", "1"],
        "experiment": [place / "experiment.yaml", "--cases", place / "store"],
        "demo": [],
        "threshold": ["--cases", place / "store", "--input", raw / "images", "--organ", raw / "organs"],
        "branch_radii": ["--masks", raw / "labels"],
        "report_example": [],
    }
    also = ["--folds", "2"] if command == "tune" else []
    return [*map(str, given[command]), *also, *out]


COMMANDS: dict[str, Callable[..., Any]] = {
    "predict": predict.main,
    "evaluate": evaluate.main,
    "analyse": analyse.main,
    "preprocess": preprocess.main,
    "synthesise": synthesise.main,
    "compare": compare.main,
    "export": export.main,
    "train": train.main,
    "tune": tune.main,
    "experiment": experiment.main,
    "demo": demo.main,
    "threshold": threshold.main,
    "branch_radii": branch_radii.main,
    "report_example": report_example.main,
}
HOSTILE = [
    ("predict", "raw/images", ()),
    ("predict", "link", ()),
    ("predict", "raw/organs/../images", ()),
    ("predict", "raw/organs", ()),
    ("predict", "raw/labels", ()),
    ("predict", "raw", ()),
    ("predict", "hard", ()),
    ("predict", "run/fold_0", ()),
    ("predict", "run", ()),
    ("predict", "store", ()),
    ("predict", "scores", ()),
    ("predict", "predictions", ()),
    ("preprocess", "raw", ()),
    ("preprocess", "raw/images/..", ()),
    ("preprocess", "link", ()),
    ("preprocess", "predictions", ()),
    ("evaluate", "raw/labels", ()),
    ("evaluate", "run/fold_0", ()),
    ("evaluate", "scores", ("--report", "raw/images/a.nii.gz")),
    ("evaluate", "scores", ("--report", "hard/a.nii.gz")),
    ("evaluate", "scores", ("--report", "store/dataset.json")),
    ("evaluate", "scores", ("--report", "predictions/a.nii.gz")),
    ("evaluate", "scores", ("--report", "scores/metrics.csv")),
    ("evaluate", "scores", ("--export", "raw")),
    ("evaluate", "scores", ("--export", "store")),
    ("evaluate", "scores", ("--tensorboard", "projects")),
    ("analyse", "raw/labels", ()),
    ("analyse", "scores", ()),
    ("analyse", "raw", ()),
    ("analyse", "hard", ()),
    ("analyse", "run", ()),
    ("analyse", "new", ("--report", "raw/organs/a.nii.gz")),
    ("analyse", "new", ("--report", "predictions/a.nii.gz")),
    ("synthesise", "raw", ()),
    ("synthesise", "link", ()),
    ("synthesise", "predictions", ()),
    ("synthesise", "run/fold_0", ()),
    ("synthesise", "store", ()),
    ("compare", "scores", ()),
    ("compare", "raw", ()),
    ("export", "raw", ()),
    ("export", "run/fold_0", ()),
    ("export", "store", ()),
    ("export", "bundle", ("--onnx", "raw/images/a.nii.gz")),
    ("export", "bundle", ("--onnx", "run/fold_0/checkpoints/best.pt")),
    ("export", "bundle", ("--slim", "raw/images/a.nii.gz")),
    ("export", "bundle", ("--slim", "run/fold_0/checkpoints/best.pt")),
    ("train", "projects", ()),
    ("tune", "projects", ()),
    ("tune", "studies", ("--storage", "sqlite:///patients.db")),
    ("experiment", "projects", ()),
    ("demo", "raw", ()),
    ("threshold", "raw/organs", ()),
    ("branch_radii", "raw/notes.txt", ()),
    ("branch_radii", "raw/labels/a.nii.gz", ()),
    ("report_example", "raw", ()),
]


def digests(place: Path) -> dict[str, str]:
    """SHA-256 of every file, but for what Ramify keeps of its own state."""
    files = [path for path in place.rglob("*") if path.is_file() and path.name not in STATE_OF_OURS]
    return {str(path.relative_to(place)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def ends_badly(command: str, argv: list[str], monkeypatch) -> bool:
    """Whether a command refuses; those of argparse say so by their exit code, the others by what they raise."""
    monkeypatch.setattr("sys.argv", [command, *argv])
    try:
        return COMMANDS[command](*([] if command in ("demo", "threshold") else [argv])) == 2
    except (ValueError, OSError) as error:
        return "\n" not in str(error)


@pytest.mark.parametrize(("command", "output", "more"), HOSTILE)
def test_a_hostile_output_is_refused_and_costs_no_file(world, monkeypatch, command, output, more):
    monkeypatch.chdir(world)
    before, there = digests(world), sorted(world.rglob("*"))
    assert ends_badly(command, [*words(world, command, output), *more], monkeypatch)
    after = digests(world)
    assert {name: after.get(name) for name in before} == before
    assert set(after) == set(before), "nothing half done is left either"
    assert sorted(world.rglob("*")) == there, "nor a folder, nor a mark"


REFUSED: list[tuple[str, str, tuple[str, ...], str]] = [
    ("train", "new/deep/run", ("--fold", "7"), "has folds 0 to 0"),
    ("train", "new/deep/run", ("--loading.patch-size", "6", "8", "8"), "each axis must be a multiple of 32"),
    ("train", "new/deep/run", ("--cases", "fresh", "--fold-count", "2", "--fold", "2"), "has folds 0 to 1"),
    ("tune", "new/deep/studies", ("--folds", "9"), "only 2 patients"),
    ("tune", "new/deep/studies", ("--storage", "sqlite:///patients.db"), "a database of something else"),
    ("experiment", "new/deep/experiments", ("--folds", "7"), "fold 7"),
    ("experiment", "new/deep/experiments", ("--probe", "nonsense"), "variant one, probe: "),
    ("preprocess", "new/deep/cases", ("--root", "broken", "--folds.folds", "2"), "a.nii.gz: not a gzip file"),
    ("preprocess", "new/deep/cases", ("--folds.folds", "9"), "only 2 patients"),
    ("predict", "new/deep/masks", ("--input", "broken/images", "--organ", "None"), "a.nii.gz: not a gzip file"),
    ("evaluate", "new/deep/scores", ("--report", "raw/images/a.nii.gz"), "was not written by Ramify"),
    ("evaluate", "new/deep/scores", ("--report", "new/other/page.html", "--export", "raw"), "raw: holds what Ramify"),
    ("compare", "new/deep/comparison", ("--measures", "nonsense"), "no such measure"),
    ("export", "raw", ("--onnx", "new/deep/vessels.onnx"), "raw: holds what Ramify did not write"),
]


@pytest.mark.usefixtures("cases_in_this_process")
@pytest.mark.parametrize(("command", "output", "more", "said"), REFUSED)
def test_a_refused_setting_or_input_leaves_no_folder_and_no_mark(
    world, monkeypatch, capsys, command, output, more, said
):
    monkeypatch.chdir(world)
    there = sorted(world.rglob("*"))
    try:
        assert COMMANDS[command]([*words(world, command, output), *more]) in (1, 2)
        told = capsys.readouterr().err
    except (ValueError, OSError) as error:
        told = str(error)
    assert said in told
    assert sorted(world.rglob("*")) == there


INTERRUPTED = [
    ("predict", "ramify.training.case_prediction.Predictor", "nothing is written; the same command begins anew"),
    (
        "predict",
        "ramify.training.case_prediction.predict_case",
        "0 of 2 cases segmented, nothing is written; the same command",
    ),
    ("analyse", "ramify.stages.analyse.do_all", "0 of 2 cases analysed, nothing is written; the same command"),
    (
        "evaluate",
        "ramify.stages.evaluate.evaluate_all",
        "none of 2 cases was evaluated, nothing is written; the same command",
    ),
    ("preprocess", "ramify.stages.preprocess.prepare_cases", "0 cases are in new/deep/out; the same command goes on"),
    ("preprocess", "ramify.stages.preprocess.look_through", "0 cases are in new/deep/out; the same command goes on"),
    ("export", "ramify.stages.export.write_bundle", "nothing is written; the same command writes all anew"),
    (
        "train",
        "ramify.training.loop.set_up",
        "new/deep/out/fold_0: nothing was saved yet; the same command begins anew",
    ),
    ("tune", "ramify.stages.tune.open_storage", "study tiny: no trial was begun; the same command begins them"),
    (
        "experiment",
        "ramify.stages.experiment.prepare",
        "what was done is in new/deep/out/tiny; the same command goes on",
    ),
    ("compare", "ramify.stages.compare.compare", ""),
]


@pytest.mark.usefixtures("cases_in_this_process")
@pytest.mark.parametrize(("command", "broken_off", "said"), INTERRUPTED)
def test_an_interruption_says_what_is_kept_and_leaves_no_empty_folder(world, monkeypatch, command, broken_off, said):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(world)
    monkeypatch.setattr(broken_off, interrupt)
    there = sorted(world.rglob("*"))
    given = words(world, command, "new/deep/out")[:-1]
    more = ["--folds.folds", "2"] if command == "preprocess" else []
    with pytest.raises(KeyboardInterrupt) as stop:
        COMMANDS[command]([*given, "new/deep/out", *more])
    assert last_words(stop.value).startswith(f"stopped by SIGINT: {said}" if said else "stopped by SIGINT")
    assert sorted(world.rglob("*")) == there


def test_a_corrected_mask_is_named_and_on_request_kept(own_world):
    before = digests(own_world)
    with pytest.raises(ValueError, match=r"b\.nii\.gz: was not written by Ramify, or was changed since"):
        predict.main(words(own_world, "predict", "predictions"))
    assert digests(own_world) == before
    assert predict.main([*words(own_world, "predict", "predictions"), "--replace"]) == 0
    after = digests(own_world)
    assert after.pop("predictions/b.nii.gz.backup-1") == before.pop("predictions/b.nii.gz")
    assert after.pop("predictions/b.nii.gz") != after["predictions/b_probabilities.nii.gz"]
    for case in "ab":
        # It names the checkpoint, which lies elsewhere in this copy.
        assert after.pop(f"predictions/{case}_prediction.json") != before.pop(f"predictions/{case}_prediction.json")
    assert after == before


def test_ramifys_own_outputs_need_no_flag(own_world):
    report = ["--report", f"{own_world}/own/report.html"]
    for _ in range(2):
        assert evaluate.main([*words(own_world, "evaluate", "scores"), *report]) == 0


def test_two_cases_that_would_write_one_file_are_refused(world, tmp_path):
    image = Volume(np.zeros((16, 16, 16), np.float32), (1.0, 1.0, 1.0))
    for name in ("x", "x_probabilities"):
        write_volume(tmp_path / "in" / f"{name}.nii.gz", image)
    argv = ["--checkpoint", str(world / "run"), "--input", str(tmp_path / "in"), "--output", str(tmp_path / "out")]
    with pytest.raises(ValueError, match=r"x_probabilities\.nii\.gz: this call would write it twice"):
        predict.main(argv)
    assert not (tmp_path / "out").exists()
