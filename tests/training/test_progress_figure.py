"""Course of a training as a picture: what is drawn of it, and when."""

from typing import Any

import pytest
from matplotlib.figure import Figure

from ramify.training import progress_figure as module
from ramify.training.progress_figure import LEAST_EPOCHS, progress_figure


def history(*scores: float) -> list[dict[str, float]]:
    """An epoch for each validation score of Dice."""
    rows = []
    for epoch, score in enumerate(scores):
        losses = {"loss/total": 1.0 - 0.1 * epoch, "loss/main/dice": 0.5, "loss/scale_1/dice": 0.4}
        rows.append({"epoch": float(epoch), "learning_rate": 3e-4, **losses})
        rows[-1] |= {"validation/dice": score, "validation/cldice": 1.0 - score}
    return rows


@pytest.fixture
def drawn(monkeypatch) -> list[Figure]:
    """Figures instead of their bytes."""
    figures: list[Figure] = []

    def kept(figure: Figure) -> bytes:
        figures.append(figure)
        return b""

    monkeypatch.setattr(module, "figure_bytes", kept)
    return figures


def test_losses_scores_and_rate_are_drawn_and_the_first_best_is_marked(drawn):
    assert progress_figure(history(0.2, 0.7, 0.7), "dice") == b""
    losses, scores, rates = drawn[0].axes
    named: Any = [[line.get_label() for line in panel.get_lines()] for panel in (losses, scores)]
    assert named == [["total, weighted", "dice"], ["dice", "cldice", "best: 0.700, epoch 1"]]
    assert list(losses.get_lines()[0].get_ydata()) == [1.0, 0.9, 0.8]
    assert list(rates.get_lines()[0].get_ydata()) == [3e-4] * 3
    progress_figure(history(0.2, 0.7, 0.7), "cldice")
    assert drawn[1].axes[1].get_lines()[-1].get_label() == "best: 0.800, epoch 0"


def test_before_there_is_a_course_nothing_is_drawn(drawn):
    assert progress_figure(history(0.1, 0.2, 0.3)[: LEAST_EPOCHS - 1], "dice") is None
    rows = [{key: value for key, value in row.items() if "validation" not in key} for row in history(0.1, 0.2, 0.3)]
    assert progress_figure(rows, "dice") == b""
    assert len(drawn) == 1
