"""Networks that predict together: the mean of what each of them says, of networks that fit together alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ramify import predict
from ramify.data.files import read_volume, write_volume
from ramify.data.mask_folders import vessel_masks
from ramify.data.volume import Volume
from ramify.models.outputs import main_probabilities
from ramify.tasks.class_table import ClassTable
from ramify.training.averaged_map import AveragedMap
from ramify.training.ensemble import Averaged
from ramify.training.predictor import Predictor
from ramify.training.run_folder import find_checkpoints
from ramify.training.trained_network import read_network
from tests.tiny_checkpoints import untrained_state, write_fold

SIZE = (16, 16, 16)
PORTAL_AND_HEPATIC = ClassTable.model_validate({"classes": {"portal": 3, "hepatic": 7}})
HEPATIC_AND_PORTAL = ClassTable.model_validate({"classes": {"hepatic": 7, "portal": 3}})


def prepared_image() -> np.ndarray:
    return np.random.default_rng(0).random((1, *SIZE), dtype=np.float32)


def prepared_by(changes: dict[str, Any]) -> dict[str, Any]:
    """The preprocessing of these checkpoints, changed."""
    settings = untrained_state(SIZE)["preprocessing"]
    return {**settings, **{k: {**settings[k], **v} if isinstance(v, dict) else v for k, v in changes.items()}}


def alone(path: Path, image: np.ndarray) -> np.ndarray:
    """What the network of a checkpoint says, with nothing between it and the answer."""
    read = read_network(path)
    with torch.no_grad():
        return main_probabilities(read.network.eval()(torch.from_numpy(image)[None]).logits, read.tasks)[0].numpy()


def test_one_network_or_the_same_again_is_the_network_alone_to_the_last_bit(tmp_path):
    path, image = write_fold(tmp_path / "run", 0), prepared_image()
    expected = alone(path, image)
    assert len(np.unique(expected)) > 1000
    for checkpoints in (path, [path], [path] * 3):
        np.testing.assert_array_equal(Predictor(checkpoints, "cpu").predict_prepared(image), expected)


def test_several_networks_are_their_mean(tmp_path):
    paths, image = [write_fold(tmp_path / "run", fold) for fold in range(3)], prepared_image()
    each = [alone(path, image) for path in paths]
    found = Predictor(paths, "cpu").predict_prepared(image)
    np.testing.assert_allclose(found, (each[0] + each[1] + each[2]) / 3, rtol=1e-6)
    assert min(np.abs(found - one).max() for one in each) > 1e-3


def test_a_run_a_folder_of_runs_and_each_fold_by_itself(tmp_path, capsys):
    image = Volume(np.random.default_rng(0).normal(50, 30, SIZE).astype(np.float32), (1.5, 1.0, 1.0))
    write_volume(tmp_path / "ct.nii.gz", image)
    write_fold(tmp_path / "runs" / "a", 0)
    write_fold(tmp_path / "runs" / "a", 1)
    write_fold(tmp_path / "runs" / "b", 2)
    found = {}
    for name in ("a/fold_0", "a/fold_1", "b", "a", "."):
        words = ["--checkpoint", str(tmp_path / "runs" / name), "--input", str(tmp_path / "ct.nii.gz")]
        assert predict.main([*words, "--output", str(tmp_path / "out" / name / "of"), "--device", "cpu"]) == 0
        found[name] = read_volume(tmp_path / "out" / name / "of" / "ct_probabilities.nii.gz").array
        told = capsys.readouterr().out
        networks = {"a": "2 networks are averaged: each case takes 2 times", ".": "3 networks"}.get(name)
        assert "averaged" not in told if networks is None else networks in told
    np.testing.assert_allclose(found["a"], (found["a/fold_0"] + found["a/fold_1"]) / 2, atol=1e-6)
    every = np.mean([found["a/fold_0"], found["a/fold_1"], found["b"]], axis=0)
    np.testing.assert_allclose(found["."], every, atol=1e-6)


def test_a_fold_without_the_checkpoint_is_named(tmp_path):
    write_fold(tmp_path / "run", 0)
    (tmp_path / "run" / "fold_1" / "checkpoints").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"fold_1/checkpoints/best\.pt: no such checkpoint"):
        find_checkpoints(tmp_path / "run", "best")


def test_without_an_organ_the_voxel_size_is_the_mean_of_the_trainings(tmp_path, monkeypatch):
    cut = prepared_by({"grid": {"size": None, "spacing_mm": [1.0] * 3}})
    paths = [
        write_fold(tmp_path, fold, preprocessing=cut, prepared={"shape": [16] * 3, "spacing_mm": [spacing] * 3})
        for fold, spacing in enumerate((1.0, 2.0))
    ]
    predictor = Predictor(paths, "cpu")
    image = Volume(prepared_image()[0], (3.0, 3.0, 3.0))
    seen = []
    monkeypatch.setattr(
        predictor.ensemble, "averaged", lambda part, *_, **__: (seen.append(part.shape), Averaged(0.5 * part, None))[1]
    )
    predictor.predict(image, None)
    assert seen == [(1, 32, 32, 32)]


@pytest.mark.parametrize(
    ("first", "other", "message"),
    [
        ({}, {"channels": ["mr"]}, r"channels was \['image'\], now \['mr'\]"),
        ({}, {"prepare": {"grid": {"margin_mm": 5.0}}}, r"preprocessing\.grid\.margin_mm was 2\.0, now 5\.0"),
        ({}, {"prepare": {"intensity": {"method": "z_score"}}}, r"preprocessing\.intensity\.method was"),
        ({}, {"prepare": {"restrict_to_organ": False}}, r"preprocessing\.restrict_to_organ was True, now False"),
        ({"table": PORTAL_AND_HEPATIC}, {}, r"classes\.classes\.hepatic was .*, now None"),
        ({"table": PORTAL_AND_HEPATIC}, {"table": HEPATIC_AND_PORTAL}, r"order of classes was \['portal', 'hepatic'\]"),
        ({}, {"source": {"form": "nnunet", "files": [1]}}, r"source\.files was \[\], now \[1\]"),
    ],
)
def test_networks_that_do_not_fit_together_are_refused_by_name(tmp_path, first, other, message):
    paths = []
    for fold, keys in enumerate((first, other)):
        state = untrained_state(SIZE, table=keys.get("table", ClassTable()))
        state["preprocessing"] = prepared_by(keys.get("prepare", {}))
        more = {key: value for key, value in keys.items() if key not in ("table", "prepare")}
        paths.append(write_fold(tmp_path, fold, **{**state, **more}))
    with pytest.raises(ValueError, match=message) as caught:
        Predictor(paths, "cpu")
    assert "\n" not in str(caught.value)
    assert all(str(path) in str(caught.value) for path in paths)


def test_what_is_of_labels_alone_may_differ(tmp_path):
    paths = [write_fold(tmp_path, 0)]
    paths.append(write_fold(tmp_path, 1, preprocessing=prepared_by({"tube_radius": 1})))
    assert Predictor(paths, "cpu").predict_prepared(prepared_image()).shape == (1, *SIZE)


def test_the_mean_and_the_spread_of_maps_by_hand():
    averaged = AveragedMap((1, 2), with_spread=True)
    for number, values in enumerate(((0.1, 0.5), (0.4, 0.5), (1.0, 0.5)), 1):
        for place in (0, 1):
            averaged.add(torch.tensor([values[place : place + 1]]), number, slice(place, place + 1))
    np.testing.assert_allclose(averaged.mean, [(0.5, 0.5)], rtol=1e-6)
    # Deviations -0.4, -0.1, 0.5: their squares are 0.42 in all.
    assert averaged.spread().tolist() == [pytest.approx(0.14**0.5), 0.0]


@pytest.mark.parametrize("table", [ClassTable(), PORTAL_AND_HEPATIC])
def test_the_uncertainty_is_the_largest_standard_deviation(tmp_path, table):
    """Over two folds and two copies each, on the CT's own grid, 0 outside the organ."""
    states = [untrained_state(SIZE, seed, table) for seed in (0, 1)]
    paths = [write_fold(tmp_path, fold, **state) for fold, state in enumerate(states)]
    image = prepared_image()
    each = []
    for path in paths:
        each += [alone(path, image), np.flip(alone(path, np.flip(image, 1).copy()), 1)]
    found = Predictor(paths, "cpu", mirror=["z"]).ensemble.averaged(image, "ct", with_uncertainty=True)
    assert found.uncertainty is not None
    np.testing.assert_allclose(found.uncertainty, np.std(each, axis=0).max(axis=0), rtol=1e-4, atol=1e-6)
    assert found.uncertainty.max() > 1e-3


def test_a_map_of_uncertainty_lies_on_the_ct_and_is_no_mask(tmp_path):
    spacing_mm, origin_mm = (2.5, 0.8, 0.9), (-100.0, 20.0, 30.5)
    values = np.random.default_rng(0).normal(50, 30, (12, 20, 18)).astype(np.float32)
    organ = np.zeros(values.shape, bool)
    organ[2:10, 4:18, 3:15] = True
    write_volume(tmp_path / "ct.nii.gz", Volume(values, spacing_mm, origin_mm))
    write_volume(tmp_path / "organ.nii.gz", Volume(organ, spacing_mm, origin_mm))
    for fold in (0, 1):
        write_fold(tmp_path / "run", fold)
    words = ["--input", str(tmp_path / "ct.nii.gz"), "--organ", str(tmp_path / "organ.nii.gz"), "--device", "cpu"]
    words += ["--output", str(tmp_path / "out"), "--uncertainty"]
    with pytest.raises(ValueError, match="--uncertainty: one network has none by itself; give several folds, or"):
        predict.main(["--checkpoint", str(tmp_path / "run" / "fold_0"), *words])
    assert predict.main(["--checkpoint", str(tmp_path / "run"), *words]) == 0
    found = read_volume(tmp_path / "out" / "ct_uncertainty.nii.gz")
    assert found.array.shape == values.shape
    assert found.array.dtype == np.float32
    np.testing.assert_allclose((*found.spacing_mm, *found.origin_mm), (*spacing_mm, *origin_mm))
    assert not found.array[~organ].any()
    assert found.array[organ].min() >= 0
    assert 1e-3 < found.array.max() <= 0.5
    assert list(vessel_masks(tmp_path / "out")) == ["ct"]


def test_folders_that_were_put_aside_by_hand_are_no_folds(tmp_path):
    for name in ("run", "aside"):
        write_fold(tmp_path / name, 0)
    (tmp_path / "aside" / "fold_0").rename(tmp_path / "run" / "fold_0_old")
    (found,) = find_checkpoints(tmp_path / "run", "best")
    assert found.parents[1].name == "fold_0"
