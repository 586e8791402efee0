"""The table of what each trainer costs inside nnU-Net, tiny: a row a trainer, with numbers in it."""

import os
import re

import numpy as np
import pytest

from benchmarks import nnunet as benchmark

pytestmark = pytest.mark.filterwarnings("default")


def test_a_row_a_trainer(nnunet, monkeypatch, capsys):
    # It has folders of its own, which others must not find.
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results", "nnUNet_n_proc_DA", "nnUNet_extTrainer"):
        monkeypatch.setenv(name, os.environ[name])
    benchmark.main(["--size", "16", "--rounds", "1"])
    header, *rows = capsys.readouterr().out.splitlines()
    assert "once a case" in header
    assert [row.split()[0] for row in rows] == list(benchmark.TRAINERS)
    numbers = [[float(word) for word in re.findall(r"\d+\.?\d*", row[24:])] for row in rows]
    assert all(np.isfinite(row).all() and row[0] > 0 for row in numbers)
    assert numbers[0][1] == 1.0
    made = {row.split()[0] for row, values in zip(rows, numbers, strict=True) if len(values) == 3}
    assert made == {"RamifySkeletonRecall", "RamifyScales"}
