"""Mirrored copies at prediction: which there are, that they are turned back, and that left stays left."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from ramify import predict
from ramify.data.files import read_volume, write_volume
from ramify.data.volume import Volume
from ramify.tasks.class_table import ClassTable
from ramify.tasks.formulation import Tasks
from ramify.training.mirroring import Mirroring
from ramify.training.predictor import Predictor
from tests.tiny_checkpoints import untrained_state, write_fold

SIZE = (16, 16, 16)
SIDES = ClassTable.model_validate({"classes": {"left": 3, "right": 7, "trunk": 2}})
SWAPS = {"augmentation": {"flip_swaps": {"left": "right"}}}


def prepared_image() -> np.ndarray:
    return np.random.default_rng(0).random((1, *SIZE), dtype=np.float32)


def of_sides(tmp_path: Path, config: dict[str, Any]) -> Path:
    return write_fold(tmp_path, 0, **untrained_state(SIZE, table=SIDES, config=config))


def test_copies_are_every_set_of_axes():
    tasks = Tasks("vessels", "none", 3)
    assert Mirroring(("x", "z", "y"), {}, tasks, 3).copies == (
        *((), (0,), (1,), (2,)),
        *((0, 1), (0, 2), (1, 2), (0, 1, 2)),
    )
    assert Mirroring(("x",), {}, tasks, 2).copies == ((), (1,))
    with pytest.raises(ValueError, match="--mirror z: the network was trained on 2 axes, y and x"):
        Mirroring(("z",), {}, tasks, 2)


def test_copies_are_averaged_once_they_are_turned_back(tmp_path):
    """By hand, of one axis and of three; a network with fresh weights says something else of each copy."""
    path, image = write_fold(tmp_path, 0), prepared_image()
    alone = Predictor(path, "cpu")

    def of(*axes: int) -> np.ndarray:
        flipped = tuple(1 + axis for axis in axes)
        return np.flip(alone.predict_prepared(np.flip(image, flipped).copy()), flipped)

    assert np.abs(of(2) - of()).max() > 1e-3
    found = Predictor(path, "cpu", mirror=["x"]).predict_prepared(image)
    np.testing.assert_allclose(found, (of() + of(2)) / 2, rtol=1e-6)
    every = [of(), of(0), of(1), of(2), of(0, 1), of(0, 2), of(1, 2), of(0, 1, 2)]
    found = Predictor([path, path], "cpu", mirror=["z", "y", "x"]).predict_prepared(image)
    np.testing.assert_allclose(found, np.mean(every, axis=0), rtol=1e-5)


def test_a_network_that_is_symmetric_is_not_changed(tmp_path, monkeypatch):
    path, image = write_fold(tmp_path, 0), prepared_image()
    kernel = torch.rand(1, 1, 3, 3, 3)
    for axis in (2, 3, 4):
        kernel = kernel + kernel.flip(axis)
    for network, tolerance in (
        # Voxel by voxel: the same sums in every copy, to the last bit.
        (lambda part: torch.sigmoid(4 * part - 2), 0.0),
        (lambda part: torch.sigmoid(functional.conv3d(part - 0.5, kernel, padding=1)), 1e-6),
    ):
        found = []
        for mirror in ((), ("z", "y", "x")):
            predictor = Predictor(path, "cpu", mirror=mirror)
            monkeypatch.setattr(predictor.ensemble.members[0], "_main_probabilities", network)
            found.append(predictor.predict_prepared(image))
        np.testing.assert_allclose(found[1], found[0], rtol=0, atol=tolerance)
        assert len(np.unique(found[0])) > 1000


def test_left_and_right_change_places_where_x_is_mirrored_alone(tmp_path):
    """By the training's flip_swaps: what is called left in a mirrored image lies on the right."""
    image = prepared_image()
    path = of_sides(tmp_path, SWAPS)
    alone = Predictor(path, "cpu")
    turned = alone.predict_prepared(image[..., ::-1].copy())[..., ::-1]
    found = Predictor(path, "cpu", mirror=["x"]).predict_prepared(image)
    np.testing.assert_allclose(found, (alone.predict_prepared(image) + turned[[1, 0, 2]]) / 2, rtol=1e-5)
    upside_down = alone.predict_prepared(image[:, ::-1].copy())[:, ::-1]
    found = Predictor(path, "cpu", mirror=["z"]).predict_prepared(image)
    np.testing.assert_allclose(found, (alone.predict_prepared(image) + upside_down) / 2, rtol=1e-5)


def test_regions_change_places_by_the_classes_they_are_made_of():
    regions = {"every": ["left", "right", "trunk"], "one_side": ["right"], "other_side": ["left"]}
    table = ClassTable.model_validate({**SIDES.model_dump(), "regions": regions})
    mirroring = Mirroring(("x",), {"left": "right"}, Tasks("regions", "none", 3, table), 3)
    channels = torch.arange(3.0).view(1, 3, 1, 1, 1)
    assert mirroring.turned_back(channels, (2,)).flatten().tolist() == [0.0, 2.0, 1.0]
    assert mirroring.turned_back(channels, ()).flatten().tolist() == [0.0, 1.0, 2.0]
    alone = ClassTable.model_validate({**SIDES.model_dump(), "regions": {"one_side": ["right"]}})
    with pytest.raises(ValueError, match="one_side becomes left, which no channel of the network is; leave x out"):
        Mirroring(("x",), {"left": "right"}, Tasks("regions", "none", 3, alone), 3)
    assert len(Mirroring(("z",), {"left": "right"}, Tasks("regions", "none", 3, alone), 3).copies) == 2


@pytest.mark.parametrize(
    ("config", "mirror", "told"),
    [
        ({}, "x", "--mirror x: left and right stay what they are called, as the training had no flip_swaps"),
        ({}, "z", None),
        (SWAPS, "x", None),
        ({"augmentation": {"flip_probability": 0}}, "z", "--mirror: the network was trained on no mirrored sample"),
        ({"train": {"augment": False}}, "y", "--mirror: the network was trained on no mirrored sample"),
    ],
)
def test_what_is_hardly_meant_is_told(tmp_path, config, mirror, told):
    remarks = Predictor(of_sides(tmp_path, config), "cpu", mirror=[mirror]).remarks()
    assert remarks == [] if told is None else told in remarks[0]


def test_the_axes_are_the_patients_however_the_file_lies(tmp_path, capsys):
    """The second axis of this file runs towards the head: --mirror z is its axis."""
    values = np.random.default_rng(0).normal(50, 30, SIZE).astype(np.float32)
    stored = Volume(values, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)))
    write_volume(tmp_path / "ct.nii.gz", stored)
    write_fold(tmp_path / "run", 0)
    alone = Predictor(tmp_path / "run" / "fold_0" / "checkpoints" / "best.pt", "cpu")
    words = ["--checkpoint", str(tmp_path / "run"), "--input", str(tmp_path / "ct.nii.gz"), "--device", "cpu"]
    assert predict.main([*words, "--output", str(tmp_path / "out"), "--mirror", "z"]) == 0
    assert "2 mirrored copies are averaged: each case takes 2 times the time of one" in capsys.readouterr().out
    found = read_volume(tmp_path / "out" / "ct_probabilities.nii.gz").array
    head = 1
    turned = alone.predict(stored.with_array(np.flip(values, head).copy()), None).probabilities.array
    by_hand = (alone.predict(stored, None).probabilities.array + np.flip(turned, head)) / 2
    np.testing.assert_allclose(found, by_hand, atol=1e-6)
