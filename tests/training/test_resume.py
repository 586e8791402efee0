"""A training killed at any moment and resumed ends with the very weights of one that ran through."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml

from ramify import train

ROOT = Path(__file__).parents[2]
EPOCHS = 6


def config_of(cases: Path, output: Path) -> Path:
    config = {
        "cases": str(cases),
        "output": str(output),
        "seed": 3,
        "device": "cpu",
        "model": {"levels": 2, "base_channels": 2, "contrast": {"head": "per_scale"}},
        "loading": {"batch_size": 2, "patch_size": [8, 8, 8]},
        "inference": {"window": [16, 16, 16]},
        "loss": {"lambda_scales": [0.5, 0.5], "lambda_contrastive": 0.5, "anchors": {"cap": 8, "bank": 12}},
        "train": {"epochs": EPOCHS, "schedule": "cosine", "gradients_every": 4, "checkpoint_minutes": 1e-6},
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
    """Kill -9 a training some time after its next checkpoint, wherever it is then: in a step or in a write."""
    latest = output / "fold_0" / "checkpoints" / "latest.pt"
    before = latest.stat().st_mtime_ns if latest.exists() else None
    while process.poll() is None and (not latest.exists() or latest.stat().st_mtime_ns == before):
        time.sleep(0.01)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.integration
@pytest.mark.usefixtures("one_thread")
def test_killed_and_resumed_equals_uninterrupted(tiny_cases, tmp_path):
    """What is killed is a process of its own; what runs to its end does so in this one, which has torch already."""
    whole = tmp_path / "whole"
    train.main(["--config", str(config_of(tiny_cases, whole))])

    killed = tmp_path / "killed"
    config = config_of(tiny_cases, killed)
    moments = random.Random()
    # One that began, and one that was resumed.
    for _ in range(2):
        kill_after_a_checkpoint(start(config, "--resume"), killed, moments.uniform(0, 0.5))
    train.main(["--config", str(config), "--resume"])
    expected, found = weights(whole), weights(killed)
    assert expected.keys() == found.keys()
    different = [name for name in expected if not torch.equal(expected[name], found[name])]
    assert not different, f"{len(different)} of {len(expected)} tensors differ"
    for file in ("history.csv", "validation.csv", "progress.png"):
        assert (whole / "fold_0" / file).read_bytes() == (killed / "fold_0" / file).read_bytes(), file
    assert not list(killed.rglob("*.part"))
