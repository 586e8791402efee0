"""Course of a training as a picture: losses, validation scores and learning rate over the epochs."""

from collections.abc import Mapping, Sequence
from typing import Any

from ramify.drawing.colours import BETTER, INK, QUIET, RULE
from ramify.drawing.figure_files import figure_bytes

LEAST_EPOCHS = 3
_DASHES = ("--", ":", "-.", (0, (9, 3)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 4)))
Line = tuple[str, str, Any]
"""What a course is called, its colour and its dashes."""


def progress_figure(history: Sequence[Mapping[str, float]], best_by: str) -> bytes | None:
    """The total loss beside the unweighted terms of the main task and of the contrast, Dice and clDice of the
    validations with the best of one of them, and the learning rate, as a PNG; None where there is no course to see yet.

    best_by: "dice" or "cldice".
    """
    if len(history) < LEAST_EPOCHS:
        return None
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(8.4, 6.4))
    losses, scores, rates = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1))
    figure.subplots_adjust(left=0.10, right=0.75, top=0.97, bottom=0.08, hspace=0.14)

    terms = [name for name in history[-1] if name.startswith("loss/main/") or name == "loss/contrastive"]
    of_terms = {name: (_named(name), QUIET, _DASHES[number % len(_DASHES)]) for number, name in enumerate(terms)}
    _draw(losses, history, {"loss/total": ("total, weighted", INK, "-"), **of_terms})
    losses.set_ylabel("loss")

    other = "cldice" if best_by == "dice" else "dice"
    _draw(scores, history, {f"validation/{name}": (name, *how) for name, how in zip((best_by, other), _SCORES)}, "o")
    _mark_best(scores, history, f"validation/{best_by}")
    scores.set_ylim(0, 1.02)
    scores.set_ylabel("validation score")

    _draw(rates, history, {"learning_rate": ("", INK, "-")})
    rates.set_ylim(bottom=0)
    rates.set_ylabel("learning rate")
    rates.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    rates.xaxis.set_major_locator(MaxNLocator(integer=True))
    rates.set_xlabel("epoch")
    for panel in (losses, scores):
        if panel.get_lines():
            panel.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.align_ylabels()
    return figure_bytes(figure)


_SCORES: tuple[tuple[str, Any], ...] = ((INK, "-"), (QUIET, "--"))


def _named(name: str) -> str:
    return name.removeprefix("loss/").removeprefix("main/").replace("_", " ")


def _draw(panel: Any, history: Sequence[Mapping[str, float]], lines: Mapping[str, Line], marker: str = "") -> None:
    """Draw each course that there is."""
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color(RULE)
    panel.grid(axis="y", color=RULE, lw=0.5, alpha=0.6)
    for name, (text, colour, dashes) in lines.items():
        course = _course(history, name)
        if course:
            epochs, values = zip(*course)
            width = 1.6 if colour == INK else 1.1
            panel.plot(epochs, values, color=colour, ls=dashes, lw=width, marker=marker, ms=3, label=text)


def _course(history: Sequence[Mapping[str, float]], name: str) -> list[tuple[float, float]]:
    return [(row["epoch"], row[name]) for row in history if name in row]


def _mark_best(panel: Any, history: Sequence[Mapping[str, float]], name: str) -> None:
    """A ring around the first highest score, whose weights are the checkpoint `best`."""
    if course := _course(history, name):
        epoch, value = max(course, key=lambda place: (place[1], -place[0]))
        text = f"best: {value:.3f}, epoch {epoch:.0f}"
        panel.plot(epoch, value, "o", ms=9, mfc="none", mew=1.6, color=BETTER, ls="none", label=text)
