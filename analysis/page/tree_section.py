"""The part of a page about one analysed mask: its tree in chosen colours, numbers, charts, diagram, tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from ramify.analysis.branch_table import Row
from ramify.analysis.page.painted_paths import chooser, palette
from ramify.analysis.page.row_table import row_table
from ramify.analysis.page.summary_words import WORDS, written
from ramify.analysis.page.tree_view import TreeView
from ramify.drawing.colours import scale_colours
from ramify.report.bars import Bar, bars
from ramify.report.charts import letter_value_plot
from ramify.report.markup import join, text
from ramify.report.viewer_section import viewer

HEADLINE = ("branches", "length_mm", "mean_radius_mm", "largest_strahler_order")
_MOST_ROWS = 30
_BRANCH = (
    *("branch", "tree", "system", "parent", "generation", "strahler_order", "scale", "radius_mm", "start_radius_mm"),
    *("end_radius_mm", "length_mm", "tortuosity", "volume_mm3", "area_mm2", "terminal"),
)
_PLACE = ("x_mm", "y_mm", "z_mm")


def tree_section(name: str, anchor: str, view: TreeView, tables: str, opened: bool) -> str:
    """A mask to unfold.

    Args:
        name: of the case, with its class.
        anchor: its address on the page.
        view: what is shown.
        tables: address of the folder with its files, relative to the page; ends in a slash.
        opened: whether it already is.
    """
    scores = join(_score(one, view.summary[one]) for one in HEADLINE)
    if view.scene is None:
        seen = f'<div class="frame">{view.plan}</div>'
    else:
        instead = "The drawing below shows the centrelines of the same vessels."
        flat = f'<div class="frame plan">{view.plan}</div>'
        seen = viewer(view.scene, flat, instead)
    charts = _by_order(view) + _radii(view)
    diagram = (
        '<h3 class="apart">Tree diagram <span class="quiet">· from the roots at the left; lines are as wide as vessels '
        f"are thick</span></h3>{view.diagram}"
    )
    notes = join(f'<p class="note">{text(note)}</p>' for note in view.notes)
    return (
        f'<details class="card case" id="{anchor}"{" open" if opened else ""}>'
        f'<summary><h3 class="name">{text(name)}</h3>{scores}<span class="score">{text(view.geometry)}</span></summary>'
        f'<div class="inside paint" style="{palette(view.paints)}">{chooser(view.paints, anchor)}'
        f'<div class="pair"><div>{seen}</div><div>{_numbers(view.summary)}</div></div>'
        f'{diagram}<div class="pair single charts">{charts}</div>{notes}'
        f"{_cycles(view)}{_pieces(view)}{_branches(view, tables)}</div></details>"
    )


def _score(name: str, value: float | None) -> str:
    words = WORDS[name]
    unit = f" {words.unit}" if words.unit else ""
    return f'<span class="score">{text(words.label)} <b>{text(written(value))}</b>{text(unit)}</span>'


def _numbers(summary: Mapping[str, Any]) -> str:
    pairs = join(
        f"<div><dt>{text(words.label)}</dt><dd>{text(written(summary[name]))}"
        f"{text(f' {words.unit}') if words.unit and summary[name] is not None else ''}</dd></div>"
        for name, words in WORDS.items()
        if name in summary
    )
    return f'<h3>Summary</h3><dl class="values one">{pairs}</dl>'


def _by_order(view: TreeView) -> str:
    """How many branches each Strahler order has, and how long they are."""
    its = view.summary["by_strahler_order"]
    charts = []
    for column, heading, unit in (("branches", "Branches", ""), ("length_mm", "Length", " mm")):
        whole = sum(one[column] for one in its.values()) or 1.0
        rows = [
            Bar(
                f"order {order}",
                f"mean radius {one['mean_radius_mm']:.2f} mm",
                f"{written(one[column])}{unit}",
                one[column] / whole,
                colour,
            )
            for (order, one), colour in zip(its.items(), scale_colours(len(its)), strict=True)
        ]
        charts.append(bars(f"{heading} by Strahler order", rows))
    return join(charts)


def _radii(view: TreeView) -> str:
    columns: dict[str, Sequence[Sequence[float]]] = {"all": [view.radii_mm]}
    highest = max(view.orders)
    for order in range(1, highest + 1) if highest > 1 else ():
        columns[f"order {order}"] = [[r for r, its in zip(view.radii_mm, view.orders, strict=True) if its == order]]
    words = "letter values: boxes hold the middle half, three quarters, seven eighths … of the branches"
    return (
        f'<div><h3>Branch radii <span class="quiet">· {words}</span></h3>'
        f'<div class="scroll">{letter_value_plot(columns, ("predicted",), narrow=True)}</div></div>'
    )


def _cycles(view: TreeView) -> str:
    columns = ("branch", "kind", "meets", "system", "other_system", *_PLACE, "radius_mm")
    title = f"Cycles and contacts that were {'kept' if view.cycles_kept else 'cut'}, places in {view.coordinates}"
    return _listed(title, view.cycles, columns, "cycles.csv")


def _pieces(view: TreeView) -> str:
    columns = ("tree", "branches", "length_mm", "largest_radius_mm", *_PLACE)
    others = _listed(f"Other trees, roots in {view.coordinates}", view.pieces, columns, "branches.csv")
    joined = ("branch", "parent", "gap_mm", "radius_mm")
    return others + _listed("Pieces joined across a gap", view.joins, joined, "branches.csv")


def _listed(title: str, rows: Sequence[Row], columns: Sequence[str], file: str) -> str:
    """A list to unfold; its first rows, where the file has more."""
    if not rows:
        return ""
    more = len(rows) - _MOST_ROWS
    rest = f'<p class="quiet small">{more:,} more in {file}</p>' if more > 0 else ""
    table = row_table(rows[:_MOST_ROWS], columns)
    return f'<details class="plain"><summary>{text(title)}: {len(rows):,}</summary>{table}{rest}</details>'


def _branches(view: TreeView, tables: str) -> str:
    if not view.thickest:
        return ""
    count, all_of_them = len(view.thickest), int(view.summary["branches"])
    words = f"The {count} thickest of {all_of_them:,} branches" if count < all_of_them else f"All {count} branches"
    files = join(
        f'<a href="{text(tables + name)}">{name}</a>' for name in ("branches.csv", "nodes.csv", "summary.json")
    )
    return (
        f'<details class="plain"><summary>{words}</summary>'
        f'{row_table(view.thickest, _BRANCH, sortable=True)}</details><p class="files quiet small">Files: {files}</p>'
    )
