"""What is only shown never costs a training, nor its final checkpoint."""

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ramify.data.case_store import write_case
from ramify.data.files import read_label_map
from ramify.data.loading_settings import LoadingSettings
from ramify.data.volume import Volume
from ramify.losses.settings import LossSettings
from ramify.models.settings import ContrastHeadSettings, ModelSettings
from ramify.preprocessing.grid import plan_grid
from ramify.preprocessing.settings import GridSettings, PreprocessingSettings
from ramify.tasks.class_table import ClassTable
from ramify.tasks.formulation import Tasks
from ramify.training.checkpoint import load_checkpoint
from ramify.training.loop import train_run
from ramify.training.run_folder import RunFolder
from ramify.training.settings import RunSettings, TrainSettings, ValidationSettings
from ramify.training.validation import ValidatedCase
from ramify.training.validation_masks import write_validation_masks


def settings_of(cases: Path, output: Path, *, levels: int = 2, patch: tuple[int, ...] | None = None) -> RunSettings:
    return RunSettings(
        cases=cases,
        output=output,
        device="cpu",
        model=ModelSettings(levels=levels, base_channels=2, contrast=ContrastHeadSettings(head="per_scale")),
        loading=LoadingSettings(batch_size=2, patch_size=patch),
        loss=LossSettings.model_validate({"lambda_scales": [0.5], "anchors": {"cap": 8}}),
        train=TrainSettings(epochs=1, gradients_every=1),
        validation=ValidationSettings(every=1, figures_every=1),
    )


def flat_cases(store: Path, shape: tuple[int, ...], with_vessels: int = 3) -> Path:
    """Three cases and a fold; a thin vessel across a thick one in the first of them, none in the others."""
    store.mkdir()
    for number in range(3):
        noise = np.random.default_rng(number).normal(size=shape)
        scales = np.zeros(shape, np.uint8)
        if number < with_vessels:
            scales[..., 5, :], scales[..., 8:11] = 1, 2
        arrays: dict[str, np.ndarray] = {
            "image": ((scales > 0) + 0.3 * noise).astype(np.float32)[None],
            "scales": scales,
            "tubed_skeleton": (scales > 0).astype(np.uint8),
        }
        record = {
            "patient_id": f"p{number}",
            "shape": list(shape),
            "spacing_mm": [1.0] * len(shape),
            "scales": {"thresholds_mm": [1.5]},
            "settings": PreprocessingSettings().model_dump(mode="json"),
        }
        write_case(store, f"case_{number}", arrays, record)
    splits = '[{"train": ["case_0", "case_1"], "val": ["case_2"]}]'
    (store / "splits_final.json").write_text(splits, encoding="utf-8")
    return store


@pytest.mark.parametrize(("shape", "patch"), [((6, 16, 16), None), ((6, 16, 16), (8, 8, 8)), ((7, 20), (8, 8))])
def test_cases_shorter_than_the_network_train_to_their_end_with_embeddings(tmp_path, capsys, shape, patch):
    cases = flat_cases(tmp_path / "cases", shape)
    folder = train_run(settings_of(cases, tmp_path / "run", levels=3, patch=patch))
    assert load_checkpoint(folder.checkpoint("final"))["epoch"] == 1
    assert (folder.tensorboard / "projector_config.pbtxt").exists()
    assert "warning" not in capsys.readouterr().err


def test_cases_without_any_vessel_train_and_validate(tmp_path):
    cases = flat_cases(tmp_path / "cases", (8, 16, 16), with_vessels=1)
    settings = settings_of(cases, tmp_path / "run")
    folder = train_run(settings.model_copy(update={"loading": LoadingSettings(batch_size=1)}))
    assert {"best", "final", "latest"} == {path.stem for path in (folder.root / "checkpoints").iterdir()}


EVERYTHING = [
    "ramify.training.presentation.view_of",
    "ramify.training.presentation.projections_of",
    "ramify.training.presentation.gradient_courses",
    "ramify.training.tracking.Tracker.scalars",
    "ramify.training.tracking.Tracker.hyperparameters",
    "ramify.training.tracking.Tracker.close",
    "ramify.training.run_folder.RunFolder.write_history",
    "ramify.training.run_folder.RunFolder.write_case_scores",
    "ramify.training.run_folder.RunFolder.write_timing",
    "ramify.training.presentation.progress_figure",
]


@pytest.mark.parametrize("broken", [EVERYTHING, ["ramify.training.presentation.Tracker"]])
def test_whatever_fails_to_be_shown_is_a_line(tiny_cases, tmp_path, monkeypatch, capsys, broken):
    def full_disk(*_: object, **__: object) -> None:
        seen.append([path.stem for path in sorted((tmp_path / "fold_0" / "checkpoints").glob("*.pt"))])
        raise OSError(28, "No space left on device\nand more")

    seen: list[list[str]] = []
    for each in broken:
        monkeypatch.setattr(each, full_disk)
    folder = train_run(settings_of(tiny_cases, tmp_path))
    if broken is EVERYTHING:  # and all that matters was there before
        assert seen == [["best", "final", "latest"]] * len(EVERYTHING)
    assert load_checkpoint(folder.checkpoint("final"))["epoch"] == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert len(lines) == len(broken)
    for line in lines:
        assert line.endswith("not written, the training goes on: [Errno 28] No space left on device")


def test_a_finished_training_makes_up_for_a_history_that_could_not_be_written(tiny_cases, tmp_path):
    settings = settings_of(tiny_cases, tmp_path)
    folder = train_run(settings)
    (folder.root / "history.csv").unlink()
    train_run(settings.model_copy(update={"resume": True}))
    for name in ("history.csv", "validation.csv"):
        with (folder.root / name).open(encoding="utf-8") as rows:
            assert [row["epoch"] for row in csv.DictReader(rows)] == ["0.0"]


def test_masks_of_a_validation_lie_over_their_images_in_the_labels_own_values(tmp_path):
    native = Volume(np.zeros((6, 8, 1)), (2.0, 1.0, 1.0), (5.0, 6.0, 7.0))
    grid = plan_grid(native, None, GridSettings(crop="volume"))
    class_map = np.zeros(grid.shape, np.uint8)
    class_map[2, 3, 0], class_map[5, 7, 0] = 1, 2
    record = {
        "patient_id": "p",
        "shape": list(grid.shape),
        "spacing_mm": list(grid.spacing_mm),
        "scales": {"thresholds_mm": []},
        "settings": PreprocessingSettings().model_dump(mode="json"),
        "grid": grid.to_dict(),
    }
    image = np.zeros((1, *grid.shape), np.float32)
    (tmp_path / "cases").mkdir()
    write_case(tmp_path / "cases", "c", {"image": image, "scales": np.zeros(grid.shape, np.uint8)}, record)
    table = ClassTable.model_validate({"classes": {"portal": 40, "hepatic": 15}})
    training: Any = SimpleNamespace(
        folder=RunFolder(tmp_path / "run"),
        runner=SimpleNamespace(tasks=Tasks("classes", "none", 2, table)),
        settings=SimpleNamespace(cases=tmp_path / "cases"),
    )
    write_validation_masks(training, {"c": ValidatedCase({}, class_map)})
    written = read_label_map(tmp_path / "run" / "validation" / "c.nii.gz")
    assert (written.spacing_mm, written.origin_mm) == (native.spacing_mm, native.origin_mm)
    assert sorted(zip(*np.nonzero(written.array))) == [(2, 3, 0), (5, 7, 0)]
    assert (written.array[2, 3, 0], written.array[5, 7, 0]) == (40, 15)
    assert (tmp_path / "run" / "validation" / "labels.ctbl").exists()
