"""Cases without a vessel train and validate beside others; alone they are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ramify.data.case_store import count_scales, write_case
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.training.checkpoint import load_checkpoint
from ramify.training.loop import train_run
from ramify.training.settings import RunSettings

SHAPE = (16, 16, 16)


def write_store(store: Path, vessels: list[bool], splits: str) -> Path:
    store.mkdir()
    for number, has_vessels in enumerate(vessels):
        scales = np.zeros(SHAPE, np.uint8)
        if has_vessels:
            scales[4:6, 4, :], scales[:, 7:10, 7:10] = 1, 2
        noise = np.random.default_rng(number).normal(size=SHAPE)
        arrays: dict[str, Any] = {
            "image": ((scales > 0) + 0.3 * noise).astype(np.float32)[None],
            "scales": scales,
            "organ": np.ones_like(scales),
            "tubed_skeleton": (scales > 0).astype(np.uint8),
        }
        record = {
            "patient_id": f"p{number}",
            "shape": list(SHAPE),
            "spacing_mm": [2.0, 1.0, 1.0],
            "scales": {"thresholds_mm": [1.5] if has_vessels else []},
            "settings": PreprocessingSettings().model_dump(mode="json"),
        }
        write_case(store, f"case_{number}", arrays, record)
    (store / "splits_final.json").write_text(splits, encoding="utf-8")
    return store


def settings(store: Path, output: Path) -> RunSettings:
    return RunSettings.model_validate(
        {
            "cases": store,
            "output": output,
            "device": "cpu",
            "model": {"levels": 1, "base_channels": 2, "contrast": {"head": "per_scale"}},
            "loss": {"lambda_scales": [1.0, 1.0], "anchors": {"cap": 32}},
            "loading": {"batch_size": 1, "workers": 0, "patch_size": [8, 8, 8], "vessel_patches": 1.0},
            "train": {"epochs": 1},
            "validation": {"every": 1, "figures_every": 1},
        }
    )


def test_a_case_without_a_vessel_trains_first_and_validates(tmp_path):
    splits = '[{"train": ["case_0", "case_1"], "val": ["case_2", "case_3"]}]'
    store = write_store(tmp_path / "cases", [False, True, False, True], splits)
    assert count_scales(store, ["case_0", "case_1"]) == 2
    folder = train_run(settings(store, tmp_path / "run"))
    state = load_checkpoint(folder.checkpoint("final"))
    assert state["network"]["scales"] == 2
    assert all(torch.isfinite(value).all() for value in state["model"].values())
    (row,) = state["history"]
    assert 0 <= row["validation/dice"] <= 1


def test_validation_on_cases_without_a_vessel_alone(tmp_path):
    splits = '[{"train": ["case_0", "case_1"], "val": ["case_2"]}]'
    store = write_store(tmp_path / "cases", [False, True, False], splits)
    folder = train_run(settings(store, tmp_path / "run"))
    (row,) = load_checkpoint(folder.checkpoint("final"))["history"]
    # Nothing to find: 1 where nothing was found, 0 where something was.
    assert row["validation/dice"] in (0.0, 1.0)


def test_a_fold_that_trains_on_no_vessel_is_refused(tmp_path):
    splits = '[{"train": ["case_0"], "val": ["case_1"]}]'
    store = write_store(tmp_path / "cases", [False, True], splits)
    with pytest.raises(ValueError, match=r"no training case of fold 0 has a vessel.*choose another --fold"):
        train_run(settings(store, tmp_path / "run"))
