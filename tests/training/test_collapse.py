"""A contrast that has become constant is told from one that works, and is one line of a training."""

import pytest

from ramify.training import collapse as module
from ramify.training.collapse import collapse_of
from ramify.training.loop import train_run
from tests.training.test_presentation import settings_of


def row_of(*within: float, between: float = -0.5) -> dict[str, float]:
    return {f"contrast/within/scale_{scale}": value for scale, value in enumerate(within, start=1)} | {
        "contrast/between": between,
        "loss/total": 1.0,
    }


@pytest.mark.parametrize(
    ("head", "row", "part"),
    [
        ("per_scale", row_of(0.99, 0.98, 1.0), "solved by constants (mean cosine within a scale 0.980)"),
        ("per_scale", row_of(0.99, 0.80, 1.0), None),
        ("shared", row_of(0.99, 0.98, 1.0), None),
        (
            "shared",
            row_of(0.99, 0.98, 1.0, between=0.98),
            "collapsed (mean cosine within a scale 0.980, between scales 0.980)",
        ),
        ("shared", row_of(0.99, 0.90, 1.0, between=0.98), None),
        ("none", {"loss/total": 1.0}, None),
    ],
)
def test_what_is_a_collapse(head, row, part):
    line = collapse_of(row, head)
    assert (line is None) == (part is None)
    if line is not None:
        assert part in line
        assert "\n" not in line


def test_a_training_tells_of_it_once(tiny_cases, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "ONE_DIRECTION", -1.0)
    settings = settings_of(tiny_cases, tmp_path)
    train_run(settings.model_copy(update={"train": settings.train.model_copy(update={"epochs": 3})}))
    lines = [line for line in capsys.readouterr().err.splitlines() if "solved by constants" in line]
    assert len(lines) == 1
    assert lines[0].startswith(f"warning: {tmp_path / 'fold_0'}: epoch 0: ")
