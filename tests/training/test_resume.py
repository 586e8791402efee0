"""A training killed at any moment and resumed ends with the very weights of one that ran through."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from data.case_store import write_case
from preprocessing.prepare import PreprocessingSettings

ROOT = Path(__file__).parents[2]
EPOCHS = 6


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> Path:
    """Four tiny prepared cases: a bright cross in noise, its arms two scales."""
    store = tmp_path_factory.mktemp("cases")
    settings = PreprocessingSettings().model_dump(mode="json")
    for number in range(4):
        noise = np.random.default_rng(number)
        scales = np.zeros((16, 16, 16), np.uint8)
        scales[4:6, 4 + number, :] = 1
        scales[:, 7:10, 7:10] = 2
        image = (scales > 0) + 0.3 * noise.normal(size=scales.shape)
        arrays = {"image": image.astype(np.float32), "scales": scales, "organ": np.ones_like(scales)}
        record = {
            "patient_id": f"p{number}",
            "shape": [16, 16, 16],
            "spacing_mm": [2.0, 1.0, 1.0],
            "scales": {"thresholds_mm": [1.5]},
            "settings": settings,
        }
        write_case(store, f"case_{number}", arrays, record)
    (store / "splits_final.json").write_text(
        '[{"train": ["case_0", "case_1", "case_2"], "val": ["case_3"]}]', encoding="utf-8"
    )
    return store


def config_of(cases: Path, output: Path) -> Path:
    config = {
        "cases": str(cases),
        "output": str(output),
        "seed": 3,
        "device": "cpu",
        "model": {"levels": 2, "base_channels": 2},
        "loading": {"batch_size": 2, "patch_size": [8, 8, 8]},
        "loss": {"lambda_scales": [0.5, 0.5], "lambda_contrastive": 0.5},
        "train": {"epochs": EPOCHS, "schedule": "cosine"},
        "validation": {"every": 2, "figures_every": 4},
    }
    path = output.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def start(config: Path, *flags: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "train.py", "--config", str(config), *flags],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def weights(output: Path) -> dict[str, torch.Tensor]:
    return torch.load(output / "fold_0" / "checkpoints" / "final.pt", weights_only=True)["model"]


def kill_after_a_checkpoint(process: subprocess.Popen[bytes], output: Path, delay: float) -> None:
    """Kill -9 a training some time after its next checkpoint, wherever it is then: in a step, in a write, at the end."""
    latest = output / "fold_0" / "checkpoints" / "latest.pt"
    before = latest.stat().st_mtime_ns if latest.exists() else None
    while process.poll() is None and (not latest.exists() or latest.stat().st_mtime_ns == before):
        time.sleep(0.01)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.slow
def test_killed_and_resumed_equals_uninterrupted(cases, tmp_path):
    whole = tmp_path / "whole"
    finished = start(config_of(cases, whole))
    _, errors = finished.communicate(timeout=300)
    assert finished.returncode == 0, errors.decode()

    killed = tmp_path / "killed"
    config = config_of(cases, killed)
    moments = random.Random()
    for _ in range(3):
        kill_after_a_checkpoint(start(config, "--resume"), killed, moments.uniform(0, 0.5))
    last = start(config, "--resume")
    _, errors = last.communicate(timeout=300)
    assert last.returncode == 0, errors.decode()
    expected, found = weights(whole), weights(killed)
    assert expected.keys() == found.keys()
    different = [name for name in expected if not torch.equal(expected[name], found[name])]
    assert not different, f"{len(different)} of {len(expected)} tensors differ"
    histories = [(run / "fold_0" / "history.csv").read_text() for run in (whole, killed)]
    assert histories[0] == histories[1]
    assert not list(killed.rglob("*.part"))
