"""Analysed trees as one page of HTML that opens anywhere, offline."""

import os
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ramify.analysis.branch_table import Row
from ramify.analysis.page.case_table import cases_section
from ramify.analysis.page.groups_section import groups_section
from ramify.analysis.page.painted_paths import painting_style
from ramify.analysis.page.tree_section import tree_section
from ramify.analysis.page.tree_view import TreeView
from ramify.report.charts import letter_value_plot
from ramify.report.document import document, shipped
from ramify.report.markup import join, text


def build_tree_page(
    rows: Sequence[Mapping[str, Any]],
    views: Mapping[str, TreeView],
    tables: Mapping[str, str],
    failed: Mapping[str, str],
    groups: Mapping[str, str],
    by_group: Sequence[Row],
    differences: Sequence[Row],
    command_line: str,
    versions: Mapping[str, str],
    title: str = "",
) -> str:
    """The page as text.

    Args:
        rows: of the summary, a case or a class of it each.
        views: name of a row (`name_of`) -> what is shown of it, in the rows' order; others are in the table alone.
        tables: name of a row -> address of the folder with its files, as `address_of` gives it.
        failed: case -> why it could not be analysed.
        groups: case -> group; by_group, differences: what `analysis.groups` makes of them. All empty without groups.
        command_line: with which the analysis was called.
        versions: of the code and its packages.
        title: what tells it from other pages, such as where the masks are from; empty for nothing.
    """
    names = [name_of(row) for row in rows]
    # Names may hold anything: addresses within the page are numbers.
    anchors = {name: f"case-{number}" for number, name in enumerate(views, start=1)}
    sections = [
        tree_section(name, anchors[name], view, tables[name], opened=number == 0)
        for number, (name, view) in enumerate(views.items())
    ]
    most = max((len(paint.labels) for view in views.values() for paint in view.paints), default=0)
    body = [
        cases_section(rows, names, anchors, groups, failed),
        groups_section(by_group, differences),
        _details(sections, len(names)),
        _radii(views),
        _made(command_line, versions),
    ]
    count = len(names)
    words = f"{count} {'mask' if count == 1 else 'masks'}, {date.today().isoformat()}. Lengths are mm in the patient."
    return document(
        # A tab shows the first words alone.
        f"{title}: vascular trees" if title else f"Vascular trees, {count}",
        f"Vascular trees: {title}" if title else "Vascular trees",
        words,
        join(body),
        style=shipped("page.css") + _style() + painting_style(most),
        script=shipped("unpacking.js", "viewer.js", "page.js"),
        commit=versions.get("commit", "unknown"),
    )


def name_of(row: Mapping[str, Any]) -> str:
    """What a row of the summary is called: its case, and its class."""
    return " · ".join(str(row[key]) for key in ("case", "class") if key in row)


def address_of(folder: Path, page: Path) -> str:
    """Where a folder lies, seen from a page, as an address within quotes."""
    there = os.path.relpath(folder.resolve(), page.resolve().parent)
    return quote(Path(there).as_posix()) + "/"


@cache
def _style() -> str:
    return (Path(__file__).parent / "tree_page.css").read_text(encoding="utf-8")


def _details(sections: Sequence[str], count: int) -> str:
    if not sections:
        return ""
    some = "" if len(sections) == count else f"the first {len(sections)} of {count}"
    several = '<button type="button" id="open-all">Open all</button>' if len(sections) > 1 else ""
    return (
        f'<section id="details"><div class="head"><h2>{"Case by case" if count > 1 else "The tree"}</h2>'
        f'<span class="quiet small">{some}</span>{several}</div>{join(sections)}</section>'
    )


def _radii(views: Mapping[str, TreeView]) -> str:
    """The radii of several cases side by side."""
    if len(views) < 2:
        return ""
    chart = letter_value_plot({name: [view.radii_mm] for name, view in views.items()}, kinds=("predicted",))
    return (
        '<section id="radii"><div class="head"><h2>Branch radii</h2><span class="quiet small">letter values: boxes '
        "hold the middle half, three quarters, seven eighths … of the branches, dots lie beyond; in mm</span></div>"
        f'<div class="card"><div class="scroll">{chart}</div></div></section>'
    )


def _made(command_line: str, versions: Mapping[str, str]) -> str:
    facts = {"Command": f"<code>{text(command_line)}</code>"} if command_line else {}
    facts["Versions"] = text(", ".join(f"{name} {version}" for name, version in versions.items()))
    pairs = join(f"<dt>{name}</dt><dd>{words}</dd>" for name, words in facts.items())
    return (
        '<section id="made"><div class="head"><h2>How this was made</h2></div>'
        f'<div class="card"><dl class="facts">{pairs}</dl></div></section>'
    )
