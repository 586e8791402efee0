"""A slim checkpoint predicts what the whole one does, and says nothing of where it comes from."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ramify.models.build import build_network
from ramify.models.settings import ModelSettings
from ramify.training import slim_checkpoint
from ramify.training.checkpoint import load_checkpoint, save_checkpoint
from ramify.training.predictor import Predictor
from ramify.training.slim_checkpoint import slim
from ramify.training.trained_network import read_network
from tests.tiny_checkpoints import untrained_state

IMAGE = np.random.default_rng(0).random((1, 16, 16, 16)).astype(np.float32)


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """Of a network with auxiliary scales, a contrast and deep supervision, and all that a training keeps."""
    model = ModelSettings.model_validate(
        {"levels": 2, "base_channels": 2, "contrast": {"head": "per_scale"}, "deep_supervision": 1}
    )
    paths = {"cases": "/home/somebody/cases", "output": "/home/somebody/run"}
    state = untrained_state((16, 16, 16))
    state["config"] |= {**paths, "model": model.model_dump(mode="json")}
    state["model"] = build_network(model, 1, 3, 3).state_dict()
    state |= {"cases": {"train": ["Jane Doe"], "val": []}, "optimiser": {"state": {}, "param_groups": []}}
    save_checkpoint(tmp_path / "whole.pt", state)
    return tmp_path / "whole.pt"


def written(whole: Path) -> Path:
    path = whole.with_name("slim.pt")
    save_checkpoint(path, slim(read_network(whole)))
    return path


def test_it_predicts_the_same_with_the_main_path_alone(whole):
    path = written(whole)
    one, other = (Predictor(each, "cpu").predict_prepared(IMAGE) for each in (whole, path))
    assert np.array_equal(one, other)
    names = load_checkpoint(path)["model"]
    assert {name.partition(".")[0] for name in names} == {"encoder", "main_decoder"}
    assert path.stat().st_size < 0.7 * whole.stat().st_size


def test_it_names_no_case_and_no_place(whole):
    content = written(whole).read_bytes()
    assert b"somebody" not in content
    assert b"Jane" not in content
    assert "optimiser" not in load_checkpoint(written(whole))


def test_what_is_large_is_kept_in_half_precision(whole, monkeypatch):
    monkeypatch.setattr(slim_checkpoint, "MOST_BYTES", 100)
    path = written(whole)
    kinds = {tensor.dtype for tensor in load_checkpoint(path)["model"].values() if tensor.ndim > 1}
    assert kinds == {torch.float16}
    one, other = (Predictor(each, "cpu").predict_prepared(IMAGE) for each in (whole, path))
    assert 0 < np.abs(one - other).max() < 0.01


def test_a_slim_one_is_slimmed_to_itself(whole):
    once = read_network(written(whole))
    again = slim(once)
    assert again["config"] == once.state["config"]
    assert all(torch.equal(again["model"][name], once.state["model"][name]) for name in once.state["model"])
