"""Where the images are known, predictions are compared on their own grid, with the truth as it was drawn."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ramify.data.adapters.opening import open_dataset
from ramify.data.adapters.settings import DatasetSettings
from ramify.data.case_store import write_case
from ramify.data.files import write_volume
from ramify.data.volume import Volume
from ramify.experiments.held_out import HeldOutCase, mask_file, probabilities_of, score_held_out, vessels_in
from ramify.experiments.plan import Run
from ramify.experiments.settings import Further
from ramify.metrics.case import evaluate_case
from ramify.metrics.settings import EvaluationSettings
from ramify.preprocessing.prepare import prepare_case
from ramify.preprocessing.settings import GridSettings, PreprocessingSettings
from ramify.tasks.class_table import ClassTable
from ramify.tasks.formulation import Tasks
from ramify.training.predictor import Prediction, Predictor
from ramify.training.settings import RunSettings

EVALUATION = EvaluationSettings(measures=("overlap", "surface"))
PHANTOMS = DatasetSettings.model_validate(
    {"phantom": {"cases": 2, "size": (32, 32, 32), "spacing_mm": (4.0, 4.0, 4.0)}}
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two phantoms, prepared on a grid twice as coarse as their own."""
    path = tmp_path_factory.mktemp("store")
    adapter = open_dataset(PHANTOMS)
    settings = PreprocessingSettings(grid=GridSettings(spacing_mm=(8.0, 8.0, 8.0)))
    for case_id in adapter.case_ids():
        write_case(path, case_id, *prepare_case(adapter.load(case_id), settings))
    (path / "splits_final.json").write_text('[{"train": ["phantom_000"], "val": ["phantom_001"]}]', encoding="utf-8")
    return path


def run_of(store: Path, output: Path) -> Run:
    settings = RunSettings.model_validate({"cases": store, "output": output})
    return Run("a", 0, 0, settings, PHANTOMS, Further(EVALUATION))


def test_the_truth_is_that_of_the_image_inside_the_organ(store, tmp_path):
    raw = open_dataset(PHANTOMS).load("phantom_001")
    assert raw.organ is not None
    run = run_of(store, tmp_path)
    write_volume(mask_file(run.folder, "phantom_001"), raw.vessels)
    ((case_id, scores),) = score_held_out(run)
    assert (case_id, scores["dice"], scores["hd_mm"]) == ("phantom_001", 1.0, 0.0)

    guess = raw.image.with_array(raw.image.array > 100)
    write_volume(mask_file(run.folder, "phantom_001"), guess)
    ((_, scores),) = score_held_out(run)
    cut = (guess.array & raw.organ.array, raw.vessels.array & raw.organ.array)
    expected = evaluate_case(*cut, (4.0, 4.0, 4.0), EVALUATION, raw.organ.array)
    assert scores == expected
    assert 0 < scores["dice"] < 1


def test_the_network_is_given_the_image_and_its_organ(store, tmp_path, monkeypatch):
    run, seen = run_of(store, tmp_path), []

    def predict(self: Predictor, images: Mapping[str, Volume], organ: Volume | None, name: str) -> Prediction:
        (image,) = images.values()
        seen.append((image.array.shape, None if organ is None else int(organ.array.sum()), name))
        nothing = np.zeros(image.array.shape, np.float32)
        return Prediction(image.with_array(nothing > 0), image.with_array(nothing))

    monkeypatch.setattr(Predictor, "__init__", lambda self, path, device: seen.append(path))
    monkeypatch.setattr(Predictor, "predict", predict)
    ((_, scores),) = score_held_out(run)
    raw = open_dataset(PHANTOMS).load("phantom_001")
    assert raw.organ is not None
    assert seen == [
        run.folder.checkpoint("final"),
        ((32, 32, 32), int(raw.organ.array.sum()), "phantom_001"),
    ]
    assert scores["empty_prediction"] is True
    # The mask that was made is read the next time.
    assert list(score_held_out(dataclasses.replace(run))) == [("phantom_001", scores)]
    assert len(seen) == 2


def test_vessels_outside_the_organ_count_where_they_were_trained_on(store, tmp_path):
    adapter = open_dataset(PHANTOMS)
    everywhere = tmp_path / "store"
    everywhere.mkdir()
    for case_id in adapter.case_ids():
        settings = PreprocessingSettings(restrict_to_organ=False)
        write_case(everywhere, case_id, *prepare_case(adapter.load(case_id), settings))
    (everywhere / "splits_final.json").write_bytes((store / "splits_final.json").read_bytes())
    run = run_of(everywhere, tmp_path / "run")
    raw = adapter.load("phantom_001")
    write_volume(mask_file(run.folder, "phantom_001"), raw.image.with_array(np.ones((32, 32, 32), bool)))
    ((_, scores),) = score_held_out(run)
    assert scores["precision"] == pytest.approx(raw.vessels.array.mean())


def test_vessels_of_classes_are_where_one_of_them_is_the_likeliest():
    """A voxel of .4 background and .3 of each tree is background, here as where predict.py writes it."""
    table = ClassTable.model_validate({"classes": {"portal": 1, "hepatic": 2}})
    probabilities = np.array([[[0.3, 0.6]], [[0.3, 0.1]]], np.float32)
    predictor: Any = SimpleNamespace(
        predict_prepared=lambda image, name: probabilities, tasks=Tasks("classes", "none", 1, table)
    )
    image = Volume(np.zeros((1, 2), np.float32), (1.0, 1.0))
    case = HeldOutCase("a", {"image": image}, None, image.with_array(np.ones((1, 2), bool)), None, np.zeros((1, 1, 2)))
    assert vessels_in(case, predictor).tolist() == [[False, True]]
    assert probabilities_of(case, predictor).tolist() == [[pytest.approx(0.6), pytest.approx(0.7)]]
