"""A contrast that has become constant is told from one that works, and is one line of a training."""

import math

import pytest

from ramify.training import collapse as module
from ramify.training.collapse import collapse_of, idle_of
from ramify.training.loop import train_run
from tests.training.test_presentation import settings_of


def row_of(*within: float, between: float = -0.5, share: float = 0.02) -> dict[str, float]:
    return {f"contrast/within/scale_{scale}": value for scale, value in enumerate(within, start=1)} | {
        "contrast/between": between,
        "contrast/above_floor_share": share,
        "loss/total": 1.0,
    }


@pytest.mark.parametrize(
    ("head", "row", "part"),
    [
        ("per_scale", row_of(0.99, 0.98, 1.0), "solved by constants (mean cosine within a scale 0.980)"),
        ("per_scale", row_of(0.99, 0.80, 1.0), None),
        ("per_scale", row_of(0.99, 0.98, 0.977, share=0.9), None),  # alike in a scale, and between scales too
        ("per_scale", {"contrast/between": -0.5, "contrast/above_floor_share": 0.0}, None),  # one anchor a scale
        ("shared", row_of(0.99, 0.98, 1.0), None),
        (
            "shared",
            row_of(0.99, 0.98, 1.0, between=0.98, share=0.99),
            "collapsed (mean cosine within a scale 0.980, between scales 0.980)",
        ),
        ("shared", row_of(0.99, 0.90, 1.0, between=0.98, share=0.99), None),
        ("shared", row_of(0.99, 0.98, 1.0, between=0.98), None),  # told apart at a low temperature
        ("none", {"loss/total": 1.0}, None),
    ],
)
def test_what_is_a_collapse(head, row, part):
    line = collapse_of(row, head)
    assert (line is None) == (part is None)
    if line is not None:
        assert part in line
        assert "\n" not in line


@pytest.mark.integration
def test_a_training_tells_of_it_once(tiny_cases, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "ONE_DIRECTION", -1.0)
    monkeypatch.setattr(module, "AT_FLOOR", math.inf)
    settings = settings_of(tiny_cases, tmp_path)
    train_run(settings.model_copy(update={"train": settings.train.model_copy(update={"epochs": 3})}))
    lines = [line for line in capsys.readouterr().err.splitlines() if "solved by constants" in line]
    assert len(lines) == 1
    assert lines[0].startswith(f"warning: {tmp_path / 'fold_0'}: epoch 0: ")


@pytest.mark.parametrize(
    ("positives", "negatives", "part"),
    [(0.0, 0.0, "no positives in any step"), (1.0, 0.0, "no negatives in any step"), (0.5, 0.25, None)],
)
def test_what_is_idle(positives, negatives, part):
    line = idle_of({"contrast/positives": positives, "contrast/negatives": negatives})
    assert (line is None) == (part is None)
    if line is not None:
        assert part in line
        assert "\n" not in line


def test_a_training_without_a_contrast_is_not_idle():
    assert idle_of({"loss/total": 1.0}) is None


def test_a_training_tells_once_that_it_has_nothing_to_contrast(tiny_cases, tmp_path, capsys):
    changes = {
        "loading": {"batch_size": 1},
        "loss": {"lambda_scales": [0.5], "anchors": {"mode": "pooled"}},
        "train": {"epochs": 3},
    }
    settings = settings_of(tiny_cases, tmp_path)
    train_run(type(settings).model_validate(settings.model_dump() | changes))
    lines = [line for line in capsys.readouterr().err.splitlines() if "contrast" in line]
    assert len(lines) == 1
    assert lines[0].startswith(f"warning: {tmp_path / 'fold_0'}: epoch 0: the contrast had no positives")
