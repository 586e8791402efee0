"""The table of forms has its rows and columns, and its threshold keeps the precision."""

import json

import numpy as np
import pytest

from benchmarks.contrast_forms import main, threshold_of


def test_every_form_has_its_row(tiny_cases, tmp_path, capsys):
    splits = tmp_path / "splits.json"
    splits.write_text(json.dumps([{"train": ["case_0", "case_1"], "val": ["case_2", "case_3"]}]), encoding="utf-8")
    words = ["--cases", str(tiny_cases), "--output", str(tmp_path / "runs"), "--splits", str(splits)]
    small = ["--steps", "50", "--patch", "8", "8", "8", "--levels", "1", "--anchors.cap", "40", "--seeds", "3"]
    formulation = ["--forms", "none", "paper", "encoder.1", "--formulation", "multi_task", "--probe", "main_decoder.0"]
    assert main([*words, *small, *formulation]) == 0
    lines = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    measures = ["Dice", "clDice", "Tsens 1", "Tsens 2", "Tsens 1 at precision 0.8", "probe main_decoder.0"]
    assert lines[0] == measures
    assert [line[0] for line in lines[2:]] == ["none", "paper", "encoder.1"]
    values = np.array([[float(cell) for cell in line[1:]] for line in lines[2:]])
    assert values.shape == (3, len(measures))
    assert ((values >= 0) & (values <= 1)).all()


@pytest.mark.parametrize(("precision", "threshold"), [(0.9, 0.9), (0.7, 0.9), (0.6, 0.7), (0.1, 0.5)])
def test_the_threshold_is_the_lowest_that_keeps_the_precision(precision, threshold):
    probabilities = np.array([0.6, 0.9, 0.5, 0.8, 0.7])
    truth = np.array([False, True, False, False, True])  # of the first 1, 2, … right: 1, 1/2, 2/3, 1/2, 2/5
    assert threshold_of(probabilities, truth, precision) == threshold


def test_no_threshold_keeps_what_is_never_reached():
    assert threshold_of(np.array([0.5, 0.4]), np.array([False, True]), 0.9) == np.inf
