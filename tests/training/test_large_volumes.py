"""A CT that is predicted slab by slab, its maps in files, is the CT predicted as a whole; and no map is in memory."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ramify.data import large_arrays
from ramify.data.volume import Volume
from ramify.tasks.class_table import ClassTable
from ramify.training.clean_up import CleanUp
from ramify.training.inference_settings import InferenceOverrides
from ramify.training.predictor import Prediction, Predictor
from tests.storage_orders import ORDERS, stored
from tests.tiny_checkpoints import untrained_state, write_fold

CLASSES = ClassTable.model_validate({"classes": {"portal": 3, "hepatic": 7}})
REGIONS = ClassTable.model_validate(
    {"classes": {"portal": 3, "hepatic": 7}, "regions": {"every": ["portal", "hepatic"], "one": ["portal"]}}
)
WINDOWS = {"loading": {"patch_size": [8, 16, 8]}}


def volumes(shape: tuple[int, ...] = (30, 26, 22)) -> tuple[Volume, Volume]:
    """An anisotropic CT of whole numbers and its organ, of two parts."""
    values = np.random.default_rng(0).normal(50, 30, shape).astype(np.int16)
    organ = np.zeros(shape, bool)
    organ[4:25, 5:20, 3:18] = True
    organ[27, 22, 20] = True
    spacing = (2.5, 1.0, 1.25)[-len(shape) :]
    return Volume(values, spacing), Volume(organ, spacing)


def fold(tmp_path: Path, number: int = 0, table: ClassTable | None = None, **preprocessing: Any) -> Path:
    """A network that goes over its images in windows."""
    state = untrained_state((16, 16, 16), number, table or ClassTable(), WINDOWS)
    for part, settings in preprocessing.items():
        state["preprocessing"][part] = {**state["preprocessing"][part], **settings}
    return write_fold(tmp_path, number, **state)


def arrays(prediction: Prediction) -> dict[str, np.ndarray]:
    found = {"mask": prediction.mask, "probabilities": prediction.probabilities, **prediction.of_classes}
    found |= {} if prediction.labels is None else {"labels": prediction.labels}
    found |= {} if prediction.uncertainty is None else {"uncertainty": prediction.uncertainty}
    return {name: volume.array for name, volume in found.items()}


def in_slabs(monkeypatch, slab_bytes: int = 3000) -> None:
    """All maps in files, and all work in slabs of a slice or two."""
    monkeypatch.setattr(large_arrays, "IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(large_arrays, "SLAB_BYTES", slab_bytes)


KINDS: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "organ": ({}, {}, True),
    "whole volume": ({}, {}, False),
    "coarser, percentiles": ({"grid": {"size": (11, 30, 9)}, "intensity": {"method": "percentile"}}, {}, True),
    "own voxels": ({"grid": {"crop": "volume", "size": None}, "intensity": {"method": "z_score"}}, {}, False),
    "mirrored": ({}, {"mirror": ("z", "y", "x"), "uncertainty": True}, True),
    "classes": ({"table": CLASSES}, {"mirror": ("z",), "uncertainty": True}, True),
    "regions": ({"table": REGIONS}, {}, False),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", [ORDERS[0], ORDERS[29]])
def test_slab_by_slab_is_the_whole(tmp_path, monkeypatch, kind, order):
    of_fold, of_predictor, with_organ = KINDS[kind]
    image, organ = (stored(volume, order) for volume in volumes())
    folds = 2 if of_predictor else 1
    predictor = Predictor([fold(tmp_path, number, **of_fold) for number in range(folds)], "cpu", **of_predictor)
    expected = arrays(predictor.predict(image, organ if with_organ else None))
    in_slabs(monkeypatch)
    found = arrays(predictor.predict(image, organ if with_organ else None))
    assert found.keys() == expected.keys()
    assert len(np.unique(expected["probabilities"])) > 1000
    for name, array in found.items():
        np.testing.assert_allclose(array, expected[name], rtol=0, atol=1e-6, err_msg=name)


def test_what_is_cleaned_up_is_the_same(tmp_path, monkeypatch):
    image, organ = volumes()
    path = fold(tmp_path)
    inside = Predictor(path, "cpu").predict(image, organ).probabilities.array[organ.array]
    rule = {"threshold": float(np.percentile(inside, 80)), "smallest_mm3": 40.0, "bridge_mm": 4.0}
    clean_up = CleanUp.model_validate({"weights": "best", "epochs": {}, "rules": {"vessels": rule}})
    predictor = Predictor(path, "cpu", clean_up=clean_up)
    expected = predictor.predict(image, organ).mask.array
    in_slabs(monkeypatch)
    np.testing.assert_array_equal(predictor.predict(image, organ).mask.array, expected)
    assert 0 < expected.sum() < organ.array.sum()


def test_a_picture_is_the_same(tmp_path, monkeypatch):
    image = Volume(np.random.default_rng(0).normal(50, 30, (40, 36)).astype(np.float32), (1.0, 1.0))
    predictor = Predictor(write_fold(tmp_path, 0, **untrained_state((16, 16))), "cpu")
    expected = predictor.predict(image, None).probabilities.array
    in_slabs(monkeypatch, 500)
    np.testing.assert_array_equal(predictor.predict(image, None).probabilities.array, expected)


def test_no_map_of_the_whole_volume_is_in_memory(tmp_path, monkeypatch):
    """NumPy's: one map of single precision is not reached by all that is there at once, with masks and slabs."""
    shape = (160, 48, 40)
    image = Volume(np.random.default_rng(0).normal(50, 30, shape).astype(np.int16), (1.0, 1.0, 1.0))
    own = {"grid": {"crop": "volume", "size": None}}
    paths = [fold(tmp_path, number, CLASSES, **own) for number in (0, 1)]
    wide = InferenceOverrides(window=(16, 48, 40))
    predictor = Predictor(paths, "cpu", wide, mirror=("z",), uncertainty=True)
    for member in predictor.ensemble.members:
        monkeypatch.setattr(member, "_main_probabilities", lambda part: torch.cat((part, 1 - part), dim=1) / 2)
    predictor.predict(image.with_array(image.array), None)  # What is loaded at the first time is no part of it.
    in_slabs(monkeypatch, 1 << 15)
    tracemalloc.start()
    try:
        predictor.predict(image, None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < np.prod(shape) * np.dtype(np.float32).itemsize


def test_progress_is_told_in_windows_of_all_networks_and_copies(tmp_path, monkeypatch, capsys):
    image, _ = volumes()
    own = {"grid": {"crop": "volume", "size": None}}
    tall = InferenceOverrides(window=(8, 32, 24))
    predictor = Predictor([fold(tmp_path, number, **own) for number in (0, 1)], "cpu", tall, mirror=("z",))
    monkeypatch.setattr("ramify.console.progress.LOG_SECONDS", 0.0)
    predictor.predict(image, None)
    assert capsys.readouterr().err == ""
    predictor.predict(image, None, shown_as="patient")
    told = capsys.readouterr().err.splitlines()
    # Of 30 x 26 x 22 voxels, in windows of 8 x 32 x 24 of which half is covered again: 7, four times.
    assert told[0].startswith("patient: 2 of 28 windows in ")
    assert told[0].endswith(" left")
    assert told[-1].startswith("patient: 28 of 28 windows in ")
