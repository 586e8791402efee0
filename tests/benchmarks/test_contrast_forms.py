"""The table of forms has its rows and columns, and its threshold keeps the precision."""

import json

import numpy as np
import pytest

from benchmarks.contrast_forms import main, masks_at_precision


@pytest.mark.integration
def test_every_form_has_its_row(tiny_cases, tmp_path, capsys):
    splits = tmp_path / "splits.json"
    splits.write_text(json.dumps([{"train": ["case_0", "case_1"], "val": ["case_2", "case_3"]}]), encoding="utf-8")
    words = ["--cases", str(tiny_cases), "--output", str(tmp_path / "runs"), "--splits", str(splits)]
    small = ["--steps", "50", "--patch", "8", "8", "8", "--levels", "1", "--anchors.cap", "40", "--seeds", "3"]
    formulation = ["--forms", "none", "paper", "encoder.1", "--auxiliary", "scales", "--probe", "main_decoder.0"]
    assert main([*words, *small, *formulation]) == 0
    lines = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    measures = ["Dice", "clDice", "Tsens 1", "Tsens 2", "Tsens 1 at precision 0.8", "probe main_decoder.0"]
    assert lines[0] == measures
    assert [line[0] for line in lines[2:]] == ["none", "paper", "encoder.1"]
    values = np.array([[float(cell) for cell in line[1:]] for line in lines[2:]])
    assert values.shape == (3, len(measures))
    assert ((values >= 0) & (values <= 1)).all()


def found_at(precision: float, probabilities: list[float], truth: list[int]) -> list[float]:
    """The probabilities that are found, of voxels that are shared by two cases."""
    of_cases = {"a": np.array(probabilities[:2], np.float32), "b": np.array(probabilities[2:], np.float32)}
    masks = masks_at_precision(of_cases, {"a": np.array(truth[:2], bool), "b": np.array(truth[2:], bool)}, precision)
    assert masks is not None
    return sorted(np.array(probabilities)[np.concatenate([masks["a"], masks["b"]])], reverse=True)


@pytest.mark.parametrize(("precision", "count"), [(0.9, 1), (0.7, 1), (0.6, 3), (0.1, 5)])
def test_the_threshold_is_the_lowest_that_keeps_the_precision(precision, count):
    # Of the first 1, 2, … right: 1, 1/2, 2/3, 1/2, 2/5.
    assert found_at(precision, [0.6, 0.9, 0.5, 0.8, 0.7], [0, 1, 0, 0, 1]) == [0.9, 0.8, 0.7, 0.6, 0.5][:count]


def test_voxels_of_one_probability_are_found_together():
    """From 1 on a quarter is right, from 0.2 on two of five: no threshold has a precision of 0.9."""
    assert found_at(0.3, [1.0, 1.0, 1.0, 1.0, 0.2], [1, 0, 0, 0, 1]) == [1.0, 1.0, 1.0, 1.0, 0.2]
    row = {"a": np.array([1.0, 1.0, 1.0, 1.0, 0.2], np.float32)}
    assert masks_at_precision(row, {"a": np.array([1, 0, 0, 0, 1], bool)}, 0.9) is None
