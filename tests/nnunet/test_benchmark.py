"""What each trainer costs inside nnU-Net, and what it reaches, tiny: every line is there, with numbers in it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import nnunet as benchmark

pytestmark = pytest.mark.filterwarnings("default")


def test_a_row_a_trainer(nnunet, monkeypatch, capsys):
    # It has folders of its own, which others must not find.
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results", "nnUNet_n_proc_DA", "nnUNet_extTrainer"):
        monkeypatch.setenv(name, os.environ[name])
    monkeypatch.delenv("nnUNet_def_n_proc", raising=False)
    benchmark.main(["--size", "16", "--rounds", "1"])
    header, *rows = capsys.readouterr().out.splitlines()
    assert "once a case" in header
    assert [row.split()[0] for row in rows] == list(benchmark.TRAINERS)
    numbers = [[float(word) for word in re.findall(r"\d+\.?\d*", row[24:])] for row in rows]
    assert all(np.isfinite(row).all() and row[0] > 0 for row in numbers)
    assert numbers[0][1] == 1.0
    made = {row.split()[0] for row, values in zip(rows, numbers, strict=True) if len(values) == 3}
    assert made == {"RamifySkeletonRecall", "RamifyScales"}


def test_trainers_are_compared_on_phantoms(nnunet, tmp_path):
    # In a process of its own: its trainings are processes begun anew.
    tiny = ["--seeds", "2", "--training", "2", "--held-out", "2", "--size", "32", "--epochs", "1", "--workers", "1"]
    words = ["--output", str(tmp_path), "--trainers", "nnUNetTrainer", "RamifySoftClDice", *tiny]
    command = [sys.executable, "-m", "benchmarks.nnunet_phantoms", *words]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"seed [01]: Dice 0\.\d{4} by nnU-Net", done.stdout)) == 4
    assert (tmp_path / "comparison" / "comparison.png").exists()
