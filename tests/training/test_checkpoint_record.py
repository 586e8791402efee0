"""The record of a checkpoint: what writes it writes all of it, and whoever reads it says what is missing."""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from ramify.data.volume import Volume
from ramify.training.checkpoint import load_checkpoint, save_checkpoint
from ramify.training.checkpoint_record import TRAINING_PARTS, Checkpoint
from ramify.training.loop import train_run
from ramify.training.predictor import Predictor
from ramify.training.settings import RunSettings
from tests.fuzzing.checkpoints import make_checkpoint

WRITTEN_BEFORE = Path(__file__).parent / "files" / "format_4.pt.gz"
"""Of a tiny training in 2D, stopped in its second epoch, as the version of the format writes it."""
FOR_PREDICTION = ("config", "preprocessing", "classes", "channels", "network", "prepared", "model", "epoch")
PARTS_OF_KEYS = (
    "network.scales",
    "prepared.shape",
    "prepared.spacing_mm",
    "rng.torch",
    "optimiser.state",
    "optimiser.param_groups",
    "cases.val",
    "config.train.precision",
    "preprocessing.grid",
)


@pytest.fixture(scope="module")
def trained(tiny_cases, tmp_path_factory) -> Path:
    """The checkpoint of a tiny training."""
    return make_checkpoint(tiny_cases, tmp_path_factory.mktemp("run"))


def without(trained: Path, dotted: str, run: Path) -> Path:
    """A copy of a run whose latest checkpoint lacks a key."""
    shutil.copytree(trained.parents[1], run / "fold_0")
    state = torch.load(trained, weights_only=True)
    *sections, key = dotted.split(".")
    section = state
    for name in sections:
        section = section[name]
    del section[key]
    path = run / "fold_0" / "checkpoints" / "latest.pt"
    save_checkpoint(path, state)
    return path


def resume(path: Path) -> None:
    """Go on with the run of a checkpoint, for one epoch more."""
    config = torch.load(path, weights_only=True).get("config")
    settings = RunSettings.model_validate(config or torch.load(path.with_name("final.pt"), weights_only=True)["config"])
    longer = settings.train.model_copy(update={"epochs": 2})
    train_run(settings.model_copy(update={"output": path.parents[2], "resume": True, "train": longer}))


def test_a_training_writes_every_key_of_the_record_and_no_other(trained):
    assert {*torch.load(trained, weights_only=True)} == {*Checkpoint.__annotations__, "format"} | {
        *Checkpoint.__required_keys__,
        *Checkpoint.__optional_keys__,
    }


@pytest.mark.parametrize("key", FOR_PREDICTION)
def test_without_a_key_that_prediction_needs_both_name_it_and_the_remedy(trained, tmp_path, key):
    assert key in Checkpoint.__required_keys__
    path = without(trained, key, tmp_path)
    for read in (lambda: Predictor(path, "cpu"), lambda: resume(path)):
        with pytest.raises(ValueError, match=rf"latest\.pt: {key}: missing; .*use another checkpoint") as caught:
            read()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", TRAINING_PARTS)
def test_without_a_key_that_training_needs_it_predicts_and_cannot_go_on(trained, tmp_path, key):
    assert key in Checkpoint.__optional_keys__
    path = without(trained, key, tmp_path)
    Predictor(path, "cpu")
    with pytest.raises(ValueError, match=rf"latest\.pt: {key}: missing, so the training cannot be resumed") as caught:
        resume(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", sorted(Checkpoint.__optional_keys__ - {*TRAINING_PARTS}))
def test_without_any_other_key_it_predicts_and_goes_on(trained, tmp_path, key):
    path = without(trained, key, tmp_path)
    Predictor(path, "cpu")
    resume(path)
    assert load_checkpoint(path)["epoch"] == 2


@pytest.mark.parametrize("dotted", PARTS_OF_KEYS)
def test_a_key_within_a_key_is_named_too(trained, tmp_path, dotted):
    path = without(trained, dotted, tmp_path)
    for read in (lambda: Predictor(path, "cpu"), lambda: resume(path)):
        with pytest.raises(ValueError, match=rf"latest\.pt: {dotted}: missing; "):
            read()


def test_planned_epochs_are_needed_to_go_on(trained, tmp_path):
    path = without(trained, "config.train.epochs", tmp_path)
    Predictor(path, "cpu")
    with pytest.raises(ValueError, match=r"latest\.pt: config\.train\.epochs: missing; "):
        resume(path)


def test_a_checkpoint_written_before_is_read_as_it_was(tmp_path):
    path = tmp_path / "latest.pt"
    path.write_bytes(gzip.decompress(WRITTEN_BEFORE.read_bytes()))
    state = load_checkpoint(path, to_resume=True)
    assert (state["epoch"], state["step"], len(state["history"])) == (1, 2, 1)
    assert state["network"] == {"in_channels": 1, "scales": 2, "ndim": 2}
    assert state["cases"] == {"train": ["case_0", "case_1"], "val": ["case_2"]}
    random = np.random.default_rng(0)
    image = Volume(random.uniform(-100, 200, (10, 12)).astype(np.float32), (1.0, 1.0))
    probabilities = Predictor(path, "cpu").predict(image, None).probabilities.array
    assert probabilities.shape == (10, 12)
    assert probabilities.mean() == pytest.approx(0.69135505, abs=1e-5)
