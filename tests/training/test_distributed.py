"""Two processes give the loss, the weights and the scores of one that holds the whole batch."""

import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from ramify import train

ROOT = Path(__file__).parents[2]
# Batch norm undoes the scale of a single channel: the gradient is rounding, and Adam makes whole steps of it.
SCALE_OF_A_NORMED_IMAGE = "encoder.blocks.0.shortcut.0.weight"


def config_of(cases: Path, output: Path, epochs: int) -> Path:
    config: dict[str, Any] = {
        "cases": str(cases),
        "output": str(output),
        "device": "cpu",
        "model": {"levels": 2, "base_channels": 2, "contrast": {"head": "per_scale"}},
        "loading": {"batch_size": 4, "samples_per_epoch": 8, "patch_size": [8, 8, 8]},
        "inference": {"window": [16, 16, 16]},
        # Sums over the batch, anchors drawn from the batch and a bank of them: all that reaches across samples.
        "loss": {
            "lambda_scales": [0.5, 0.5],
            "dice": {"over_batch": True},
            "anchors": {"cap": 20, "bank": 12},
            "foreground_weight": 2.0,
        },
        "train": {"epochs": epochs, "learning_rate": 1e-3, "accumulate": 2, "average": 0.9},
        "validation": {"every": 1, "figures_every": 1},
    }
    path = output.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def train_with_two_processes(config: Path) -> None:
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [sys.executable, *launcher, "train.py", "--config", str(config)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def weights(output: Path) -> dict[str, torch.Tensor]:
    state = torch.load(output / "fold_0" / "checkpoints" / "final.pt", weights_only=True)["model"]
    return {name: value for name, value in state.items() if value.is_floating_point()}


def history(output: Path) -> list[dict[str, float]]:
    with (output / "fold_0" / "history.csv").open(encoding="utf-8") as rows:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(rows)]


@pytest.mark.integration
@pytest.mark.usefixtures("one_thread")
def test_two_processes_train_as_one_with_the_whole_batch(tiny_cases, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    train.main(["--config", str(config_of(tiny_cases, one, epochs=2))])
    train_with_two_processes(config_of(tiny_cases, two, epochs=2))
    for alone, together in zip(history(one), history(two), strict=True):
        assert together == pytest.approx(alone, abs=1e-5)
    expected, found = weights(one), weights(two)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        if name != SCALE_OF_A_NORMED_IMAGE:
            torch.testing.assert_close(found[name], value, rtol=0, atol=5e-5, msg=name)
    # A training goes on with another number of processes.
    train.main(["--config", str(config_of(tiny_cases, two, epochs=3)), "--resume"])
    assert [row["epoch"] for row in history(two)] == [0, 1, 2]
    assert len(list((two / "fold_0" / "checkpoints").iterdir())) == 3
