"""The drawings behind a study's figures, from plain numbers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ramify.drawing.colours import BETTER, INK, QUANTITY_MAP, QUIET, RULE, WORSE

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Figure
else:
    Figure = Any  # Imported where it is drawn: it takes a second.

SLICES_IN_A_ROW = 5


@dataclass(frozen=True)
class Axis:
    """One searched setting: its name and range; of choices, their names, at places 0, 1, …"""

    name: str
    low: float
    high: float
    log: bool
    choices: tuple[str, ...] = ()

    def share(self, place: float) -> float:
        """Where in the range a value lies, 0 to 1, on the scale it is drawn from."""
        low, high, at = (math.log(each) if self.log else each for each in (self.low, self.high, place))
        return (at - low) / (high - low)


@dataclass(frozen=True)
class Dot:
    """One trial: its place on every axis, and its score, if it has one."""

    number: int
    places: Sequence[float]
    score: float | None
    completed: bool


def history(dots: Sequence[Dot], label: str) -> Figure:
    """Scores in the order of the trials, and the best so far."""
    figure = _figure(7.2, 4.2)
    axis = _plain(figure.subplots())
    done = [dot for dot in dots if dot.completed and dot.score is not None]
    pruned = [dot for dot in dots if not dot.completed and dot.score is not None]
    best = [max(dot.score or 0.0 for dot in done[: position + 1]) for position in range(len(done))]
    axis.step([dot.number for dot in done], best, where="post", color=BETTER, label="best so far")
    axis.plot([dot.number for dot in done], [dot.score for dot in done], "o", color=QUIET, label="completed")
    if pruned:
        axis.plot(
            [dot.number for dot in pruned], [dot.score for dot in pruned], "v", mfc="none", color=QUIET, label="pruned"
        )
    if failed := [dot.number for dot in dots if dot.score is None]:
        bottom = axis.get_ylim()[0]
        axis.plot(failed, [bottom] * len(failed), "x", color=WORSE, clip_on=False, label="no score")
        axis.set_ylim(bottom)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set(xlabel="trial", ylabel=label)
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    return figure


def slices(dots: Sequence[Dot], axes: Sequence[Axis], label: str) -> Figure:
    """Score against each setting, the later the trial the darker."""
    from matplotlib.ticker import NullFormatter

    columns = min(SLICES_IN_A_ROW, len(axes))
    rows = -(-len(axes) // columns)
    figure = _figure(0.6 + 2.7 * columns, 3.3 * rows)
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    scored = [dot for dot in dots if dot.score is not None]
    best = max((dot for dot in scored if dot.completed), key=lambda dot: dot.score or 0.0)
    shown: Any = None
    for position, (panel, its) in enumerate(zip(panels.flat, axes)):
        _plain(panel)
        of_pruned = [dot for dot in scored if not dot.completed]
        panel.plot([d.places[position] for d in of_pruned], [d.score for d in of_pruned], "v", mfc="none", color=QUIET)
        done = [dot for dot in scored if dot.completed]
        places, values = [dot.places[position] for dot in done], [dot.score for dot in done]
        shown = panel.scatter(places, values, c=[dot.number for dot in done], cmap=f"{QUANTITY_MAP}_r", zorder=3)
        panel.plot(best.places[position], best.score, "o", ms=12, mfc="none", mew=2, color=BETTER, zorder=4)
        panel.set_xlabel(its.name, fontsize=9)
        if its.choices:
            panel.set_xticks(range(len(its.choices)), its.choices)
            panel.set_xlim(-0.5, len(its.choices) - 0.5)
        elif its.log:
            panel.set_xscale("log")
            panel.set_xlim(its.low, its.high)
            panel.set_xticks(_log_ticks(its), [f"{tick:g}" for tick in _log_ticks(its)])
            panel.xaxis.set_minor_formatter(NullFormatter())
        else:
            panel.set_xlim(its.low, its.high)
    for panel in panels.flat[len(axes) :]:
        panel.set_axis_off()
    for row in panels:
        row[0].set_ylabel(label)
    bar = figure.colorbar(shown, ax=panels, label="trial")
    ticks: Any = bar.locator
    ticks.set_params(integer=True)
    bar.update_ticks()
    return figure


def parallel_coordinates(dots: Sequence[Dot], axes: Sequence[Axis], label: str) -> Figure:
    """Each completed trial as a line through its values, coloured by its score; the best one is thick."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    figure = _figure(2.0 + 1.7 * len(axes), 4.6)
    panel = figure.subplots()
    done = sorted((dot for dot in dots if dot.completed), key=lambda dot: dot.score or 0.0)
    scores = [dot.score or 0.0 for dot in done]
    place_of, colour = Normalize(scores[0], scores[-1]), colormaps[QUANTITY_MAP]
    for dot, score in zip(done, scores):
        heights = [its.share(place) for its, place in zip(axes, dot.places)]
        panel.plot(heights, color=colour(place_of(score)), lw=3.5 if dot is done[-1] else 1.3, marker="o", ms=3)
    for position, its in enumerate(axes):
        panel.axvline(position, color=INK, lw=0.8, zorder=0)
        ticks = [(its.share(place), name) for place, name in enumerate(its.choices)] if its.choices else []
        for height, text in ticks or [(0.0, f"{its.low:g}"), (1.0, f"{its.high:g}")]:
            panel.annotate(text, (position, height), xytext=(4, 4), textcoords="offset points", fontsize=8, color=INK)
    panel.set_xticks(range(len(axes)), [its.name for its in axes], rotation=20, ha="right", fontsize=9)
    panel.set(yticks=[], ylim=(-0.05, 1.08), xlim=(-0.1, len(axes) - 0.6))
    panel.spines[:].set_visible(False)
    figure.colorbar(ScalarMappable(place_of, colour), ax=panel, label=label)
    return figure


def importances(shares: Mapping[str, float], label: str) -> Figure:
    """How much of the scores' spread each setting explains."""
    figure = _figure(7.2, 1.2 + 0.4 * len(shares))
    axis = _plain(figure.subplots())
    bars = axis.barh(list(shares), list(shares.values()), color=QUIET)
    axis.bar_label(bars, fmt="%.2f", padding=3)
    axis.invert_yaxis()
    axis.margins(x=0.1)
    axis.set_xlabel(f"share of the importance for {label} (PED-ANOVA)")
    return figure


def courses(courses: Mapping[int, Mapping[int, float]], epochs: int, best: int, label: str) -> Figure:
    """What each trial reported over the epochs of its folds; the best one is thick."""
    figure = _figure(7.2, 4.2)
    axis = _plain(figure.subplots())
    for number, course in courses.items():
        steps = sorted(course)
        style = (
            {"color": BETTER, "lw": 3.0, "zorder": 3, "label": f"trial {number}, the best"} if number == best else {}
        )
        axis.plot(
            [step + 1 for step in steps],
            [course[step] for step in steps],
            **({"color": QUIET, "lw": 1.0, "alpha": 0.6} | style),
            marker="o",
            ms=3,
        )
    last = max((step for course in courses.values() for step in course), default=0)
    for border in range(epochs, last, epochs):
        axis.axvline(border + 0.5, color=RULE, lw=1.0, ls=":")
    axis.set(xlabel="epochs, all folds one after another (dotted: where the next fold begins)", ylabel=label)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.legend(frameon=False)
    return figure


def pareto_front(points: Mapping[int, Sequence[float]], front: Sequence[int], labels: Sequence[str]) -> Figure:
    """Both scores of every completed trial; those that no other beats in both are joined."""
    figure = _figure(5.6, 4.6)
    axis = _plain(figure.subplots())
    others = [points[number] for number in points if number not in front]
    axis.plot([x for x, _ in others], [y for _, y in others], "o", color=QUIET, label="completed")
    chosen = sorted(front, key=lambda number: points[number][0])
    axis.plot([points[n][0] for n in chosen], [points[n][1] for n in chosen], "o-", color=BETTER, label="Pareto front")
    for number in chosen:
        axis.annotate(str(number), points[number], xytext=(5, 5), textcoords="offset points", fontsize=9)
    axis.set(xlabel=labels[0], ylabel=labels[1])
    axis.margins(0.1)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure as Drawn

    return Drawn(figsize=(width, height), layout="constrained")


def _plain(axis: Any) -> Any:
    axis.spines[["top", "right"]].set_visible(False)
    return axis


def _log_ticks(its: Axis) -> list[float]:
    """1, 2 and 5 of each decade, or the decades alone where those would be many."""
    decades = range(math.floor(math.log10(its.low)), math.ceil(math.log10(its.high)) + 1)
    leading = (1, 2, 5) if math.log10(its.high / its.low) < 1.6 else (1,)
    ticks = [lead * 10.0**decade for decade in decades for lead in leading]
    return [tick for tick in ticks if its.low * 0.999 <= tick <= its.high * 1.001]
