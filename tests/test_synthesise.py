"""From a seed to weights: anatomies made, gone on with, trained on, and slimmed."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from ramify import export, predict, synthesise, train
from ramify.data.case_store import list_cases
from ramify.data.files import write_volume
from ramify.data.volume import Volume
from ramify.training import shipped_weights
from ramify.training.predictor import Predictor
from ramify.training.run_folder import find_checkpoints
from tests.synthesis.tiny import TINY
from tests.tiny_checkpoints import write_fold

pytestmark = pytest.mark.integration

NETWORK = ["--model.levels", "1", "--model.base-channels", "2", "--loading.patch-size", "16", "16", "16"]


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("synthesis")
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in TINY.items()}
    (folder / "tiny.yaml").write_text(yaml.safe_dump({"anatomy": plain, "folds": {"folds": 2}}))
    words = ["--config", f"{folder}/tiny.yaml", "--output", f"{folder}/cases"]
    assert synthesise.main([*words, "--cases", "1"]) == 0
    before = (folder / "cases" / "anatomy_00000" / "case.json").stat().st_mtime_ns
    # Gone on with: what is there stays.
    assert synthesise.main([*words, "--cases", "2"]) == 0
    assert (folder / "cases" / "anatomy_00000" / "case.json").stat().st_mtime_ns == before
    return folder / "cases"


def test_anatomies_become_weights_that_are_called_by_name(store, tmp_path, monkeypatch, capsys):
    assert list_cases(store) == ["anatomy_00000", "anatomy_00001"]
    training = ["--config", "configs/weights/liver_phantom.yaml", "--cases", str(store), "--output", f"{tmp_path}/run"]
    training += [*NETWORK, "--train.epochs", "2", "--loading.samples-per-epoch", "2", "--device", "cpu"]
    train.main([*training, "--inference.window", "32", "32", "32", "--inference.overlap", "0"])
    monkeypatch.setattr(shipped_weights, "FOLDER", tmp_path / "weights")
    assert export.main(["--checkpoint", f"{tmp_path}/run", "--slim", f"{tmp_path}/weights/tiny.pt"]) == 0
    told = capsys.readouterr().out
    assert "SHA-256" in told
    (found,) = find_checkpoints("tiny", "best")
    assert found == tmp_path / "weights" / "tiny.pt"

    random = np.random.default_rng(0)
    image = Volume(random.normal(100, 90, (24, 24, 24)).astype(np.float32), (1.0, 1.0, 1.0))
    organ = image.with_array(np.ones(image.shape, bool))
    slim, whole = (Predictor(find_checkpoints(one, "best"), "cpu") for one in ("tiny", tmp_path / "run"))
    predictions = [predictor.predict(image, organ) for predictor in (slim, whole)]
    assert np.array_equal(predictions[0].probabilities.array, predictions[1].probabilities.array)
    # The training had noise of up to 30 HU: that of 90 HU is brought down to it.
    noise = predictions[0].noise
    assert noise is not None
    assert noise.known == 30
    assert noise.strength == pytest.approx(90, rel=0.1)
    assert noise.strength_after == pytest.approx(30, rel=0.01)

    # By its name, on a file, with and without an organ.
    write_volume(tmp_path / "ct.nii.gz", image)
    write_volume(tmp_path / "liver.nii.gz", organ)
    words = ["--checkpoint", "tiny", "--input", f"{tmp_path}/ct.nii.gz", "--device", "cpu"]
    assert predict.main([*words, "--output", f"{tmp_path}/with", "--organ", f"{tmp_path}/liver.nii.gz"]) == 0
    assert predict.main([*words, "--output", f"{tmp_path}/without"]) == 0
    for folder in ("with", "without"):
        assert {"ct.nii.gz", "ct_probabilities.nii.gz", "ct_noise.json"} <= {
            path.name for path in (tmp_path / folder).iterdir()
        }


def test_cases_that_no_fold_has_are_told(store, capsys, tmp_path):
    shutil.copytree(store, tmp_path / "cases")
    words = ["--config", f"{store.parent}/tiny.yaml", "--output", f"{tmp_path}/cases", "--cases", "3"]
    assert synthesise.main(words) == 0
    assert "not in any fold: anatomy_00002; remove the file to part the cases anew" in capsys.readouterr().out


def test_a_command_says_what_it_did_about_the_noise(store, tmp_path, monkeypatch, capsys):
    write_fold(tmp_path / "run", 0)
    image = Volume(np.random.default_rng(0).normal(50, 9, (24, 24, 24)).astype(np.float32), (1.0, 1.0, 1.0))
    write_volume(tmp_path / "ct.nii.gz", image)
    words = ["--checkpoint", f"{tmp_path}/run", "--input", f"{tmp_path}/ct.nii.gz", "--device", "cpu"]
    assert predict.main([*words, "--output", f"{tmp_path}/auto"]) == 0
    # Its training says nothing of noise.
    assert not (tmp_path / "auto" / "ct_noise.json").exists()
    assert predict.main([*words, "--output", f"{tmp_path}/one", "--noise", "1.0"]) == 0
    assert "smoothed by 1.00 mm" in capsys.readouterr().out
    assert '"smoothing_mm": 1.0' in (tmp_path / "one" / "ct_noise.json").read_text()
    with pytest.raises(ValueError, match="--noise"):
        predict.main([*words, "--output", f"{tmp_path}/bad", "--noise", "-1"])
