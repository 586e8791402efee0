"""A comparison as a figure: the mean difference of each variant with its interval, a panel a measure."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ramify.comparison.comparison import Comparison, Difference
from ramify.comparison.comparison_table import digits_of
from ramify.drawing.colours import BETTER, INK, QUIET, RULE, WORSE
from ramify.drawing.figure_files import figure_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Told apart by their marks as well.
COLOURS = {"better": BETTER, "worse": WORSE}
MARKS = {"better": "o", "worse": "s"}
MOST_COLUMNS = 2
PANEL_WIDTH, ROW_HEIGHT, PANEL_FRAME = 5.4, 0.42, 0.95
"""Inches."""


def draw_comparison(comparison: Comparison) -> bytes:
    """The forest plot as a PNG: a panel a measure, each with its own axis; a row a variant; the better side shaded.

    Examples:
        >>> from ramify.comparison import ComparisonSettings, RunResults, Variant, compare, draw_comparison
        >>> rows = {f"case_{i}": {"dice": 0.70 + i / 100} for i in range(8)}
        >>> better = {case: {"dice": row["dice"] + 0.05} for case, row in rows.items()}
        >>> variants = [Variant("plain", (RunResults(rows),)), Variant("new", (RunResults(better),))]
        >>> comparison = compare(variants, ["dice"], ComparisonSettings(unit="case"))
        >>> draw_comparison(comparison)[1:4]
        b'PNG'
    """
    from matplotlib.figure import Figure

    measures, rows = comparison.measures, len(comparison.variants) - 1
    columns = min(MOST_COLUMNS, len(measures))
    lines = math.ceil(len(measures) / columns)
    size = (1.2 + PANEL_WIDTH * columns, 0.5 + lines * (PANEL_FRAME + ROW_HEIGHT * rows))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for place, (panel, measure) in enumerate(zip(panels, measures)):
        differences = [each for each in comparison.differences if each.measure == measure]
        _draw_panel(panel, differences, names=place % columns == 0)
    for panel in panels[len(measures) :]:
        panel.set_visible(False)
    level = f"{1 - comparison.settings.alpha:.0%}"
    figure.suptitle(
        f"Mean paired difference to {_plain(comparison.reference.name)}, {level} interval",
        x=0.01,
        ha="left",
        fontsize=11,
        color=INK,
        fontweight="bold",
    )
    return figure_bytes(figure)


def _draw_panel(panel: "Axes", differences: Sequence[Difference], names: bool) -> None:
    """One measure; the first variant on top."""
    for row, difference in enumerate(differences):
        _draw_difference(panel, -row, difference)
    panel.set_ylim(-len(differences) + 0.2, 0.6)
    panel.set_yticks([-row for row in range(len(differences))])
    panel.set_yticklabels([_plain(difference.variant) for difference in differences] if names else [])
    panel.tick_params(axis="y", length=0, labelsize=10, labelcolor=INK)
    panel.tick_params(axis="x", labelsize=8, labelcolor=QUIET, color=RULE)
    panel.locator_params(axis="x", nbins=5)
    panel.margins(x=0.15)
    low, high = panel.get_xlim()
    reach = max(abs(low), abs(high))
    panel.set_xlim(-reach, reach)
    panel.axvline(0, color=INK, linewidth=0.9, zorder=1)
    better = differences[0].better
    if better is not None:
        upwards = better == "higher"
        panel.axvspan(0, reach if upwards else -reach, color="#eef3f7", zorder=0, linewidth=0)
        place, side, hint = (0.99, "right", "better →") if upwards else (0.01, "left", "← better")
        panel.text(place, 1.02, hint, transform=panel.transAxes, ha=side, va="bottom", fontsize=8, color=QUIET)
    # In the middle, where neither hint lies.
    panel.set_title(_plain(differences[0].measure), fontsize=10, color=INK, fontweight="bold")
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.spines["bottom"].set_color(RULE)


def _draw_difference(panel: "Axes", height: float, difference: Difference) -> None:
    """A mark at the mean, a bar over the interval, and number and verdict in words beside the panel."""
    evidence, word, is_claim = difference.evidence, difference.verdict.word, difference.verdict.is_claim
    if evidence is None:
        panel.text(0, height, "no pair has a value", fontsize=8, color=QUIET, ha="center", va="center")
        return
    colour, mark = COLOURS.get(word, QUIET), MARKS.get(word, "D")
    low, high = evidence.interval or (evidence.difference, evidence.difference)
    panel.plot([low, high], [height, height], color=colour, linewidth=2.2, solid_capstyle="butt", zorder=2)
    face = colour if is_claim else "white"
    panel.plot([evidence.difference], [height], mark, color=colour, markerfacecolor=face, markersize=6.5, zorder=3)
    digits = digits_of(difference.measure, evidence.mean, evidence.reference_mean)
    ends = f"[{low:+.{digits}f}, {high:+.{digits}f}]" if evidence.interval else "[no interval]"
    panel.annotate(
        f"{evidence.difference:+.{digits}f} {ends}\n{word}",
        (1.02, height),
        xycoords=("axes fraction", "data"),
        ha="left",
        va="center",
        fontsize=8,
        color=INK if is_claim else QUIET,
    )


def _plain(text: str) -> str:
    """Text that matplotlib does not take for a formula."""
    return text.replace("$", r"\$")
