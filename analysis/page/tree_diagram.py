"""Trees laid out flat: roots at the left, across the path length from the root, as wide as the vessels are thick."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ramify.analysis.branch_table import Row
from ramify.analysis.page.painted_paths import painted_path
from ramify.analysis.page.paints import Paint
from ramify.report.charts import ticks
from ramify.report.markup import join, text

MOST_ENDS = 260
"""More lines below each other are not read: then small trees and low orders are left out."""
_LEAST_SHARE = 0.02
_LEFT, _WIDTH, _TOP, _BOTTOM = 14.0, 1160.0, 10.0, 34.0
_THINNEST, _WIDEST = 0.7, 9.0


@dataclass(frozen=True)
class Layout:
    """Where branches lie.

    starts_mm, ends_mm: path length from the root to where a branch begins and ends, of each row.
    lines: row -> its place from the top, in lines; branches that are left out have none.
    lowest_order: branches of lower Strahler orders are left out.
    trees_left_out: so many small trees are.
    """

    starts_mm: list[float]
    ends_mm: list[float]
    lines: dict[int, float]
    lowest_order: int
    trees_left_out: int

    @property
    def n_lines(self) -> float:
        return max(self.lines.values()) + 1


def lay_out(rows: Sequence[Row], most_ends: int = MOST_ENDS) -> Layout:
    """Ends below each other, each fork in the middle of what it feeds, trees in their order.

    Of more ends than `most_ends`, trees of less than a fiftieth of the whole length are left out; then branches of
    Strahler order 1, 2 and so on; at last the trees that are left.
    """
    index = {row["branch"]: number for number, row in enumerate(rows)}
    parents = [index.get(row["parent"], -1) for row in rows]
    children: dict[int, list[int]] = defaultdict(list)
    for number, parent in enumerate(parents):
        children[parent].append(number)
    outwards = _outwards(children)
    starts, ends = [0.0] * len(rows), [0.0] * len(rows)
    for number in outwards:
        starts[number] = (ends[parents[number]] if parents[number] >= 0 else 0.0) + rows[number]["gap_mm"]
        ends[number] = starts[number] + rows[number]["length_mm"]
    length: dict[int, float] = defaultdict(float)
    for row in rows:
        length[row["tree"]] += row["length_mm"]
    trees = sorted(length)
    shown, order = {*range(len(rows))}, 1
    if _count_ends(shown, children) > most_ends:
        least = _LEAST_SHARE * sum(length.values())
        trees = [tree for tree in trees if length[tree] >= least] or trees[:1]
        kept = {*trees}
        shown = {number for number in shown if rows[number]["tree"] in kept}
    highest = max(rows[number]["strahler_order"] for number in shown)
    while _count_ends(shown, children) > most_ends and order < highest:
        order += 1
        shown = {number for number in shown if rows[number]["strahler_order"] >= order}
    lines: dict[int, float] = {}
    line = 0
    for tree in trees:
        if line >= most_ends:
            break
        before = line
        # Where a trunk is too short for a centreline, several branches begin at the root.
        for number in (one for one in children[-1] if rows[one]["tree"] == tree and one in shown):
            line = _place(number, line, children, shown, lines)
        line += line > before
    drawn = {rows[number]["tree"] for number in lines}
    return Layout(starts, ends, lines, order, len(length) - len(drawn))


def _outwards(children: dict[int, list[int]]) -> list[int]:
    """All rows, each after its parent."""
    found, waiting = [], children[-1][::-1]
    while waiting:
        number = waiting.pop()
        found.append(number)
        waiting += children[number][::-1]
    return found


def _count_ends(shown: set[int], children: dict[int, list[int]]) -> int:
    return sum(not any(child in shown for child in children[number]) for number in shown)


def _place(root: int, line: int, children: dict[int, list[int]], shown: set[int], lines: dict[int, float]) -> int:
    """Give what hangs on a root its lines, from `line` on; the first free line below."""
    waiting = [(root, False)]
    while waiting:
        number, below_done = waiting.pop()
        own = [child for child in children[number] if child in shown]
        if not own:
            lines[number] = float(line)
            line += 1
        elif below_done:
            lines[number] = (lines[own[0]] + lines[own[-1]]) / 2
        else:
            waiting += [(number, True), *((child, False) for child in own[::-1])]
    return line


def tree_diagram(rows: Sequence[Row], paints: Sequence[Paint]) -> str:
    """The diagram as SVG, and below it what is left out, in words."""
    layout = lay_out(rows)
    deepest = max((layout.ends_mm[number] for number in layout.lines), default=0.0) or 1.0
    line = float(np.clip(620 / layout.n_lines, 4.0, 22.0))
    height = _TOP + line * layout.n_lines + _BOTTOM
    across = (_WIDTH - 2 * _LEFT) / deepest
    drawn = []
    for tick in ticks(deepest):
        x = f"{_LEFT + tick * across:.1f}"
        drawn.append(f'<path class="rule" d="M{x} {_TOP}V{height - _BOTTOM:.1f}"/>')
        drawn.append(f'<text x="{x}" y="{height - 19:.1f}" text-anchor="middle">{tick:g}</text>')
    drawn.append(f'<text x="{_WIDTH / 2}" y="{height - 4:.1f}" text-anchor="middle">path from the root (mm)</text>')
    for beginning in _beginnings(rows, layout):
        first, last = (_TOP + line * (place + 0.5) for place in (min(beginning), max(beginning)))
        drawn.append(f'<path d="M{_LEFT} {first:.1f}V{last:.1f}" stroke-width="2"/>')
    thickest = max(rows[number]["radius_mm"] for number in layout.lines)
    wide = min(_WIDEST, 0.7 * line) / thickest
    index = {row["branch"]: number for number, row in enumerate(rows)}
    for number in sorted(layout.lines, key=lambda one: rows[one]["radius_mm"]):
        row, y = rows[number], _TOP + line * (layout.lines[number] + 0.5)
        way = f"M{_LEFT + layout.starts_mm[number] * across:.1f} {y:.1f}"
        parent = index.get(row["parent"])
        if parent is not None:
            above = _TOP + line * (layout.lines[parent] + 0.5)
            way = f"M{_LEFT + layout.ends_mm[parent] * across:.1f} {above:.1f}V{y:.1f}"
        way += f"H{_LEFT + layout.ends_mm[number] * across:.1f}"
        classes = [paint.of[number] for paint in paints]
        drawn.append(painted_path(paints, classes, way, max(_THINNEST, row["radius_mm"] * wide), _told(row)))
    picture = (
        f'<svg class="painted" viewBox="0 0 {_WIDTH:g} {height:.0f}" width="{_WIDTH:g}" height="{height:.0f}" '
        f'role="img" aria-label="Tree diagram" style="min-width:900px">{join(drawn)}</svg>'
    )
    return f'<div class="frame scroll">{picture}</div>{_left_out(layout, len(rows))}'


def _beginnings(rows: Sequence[Row], layout: Layout) -> list[list[float]]:
    """The lines of the branches at each root that several have."""
    found: dict[int, list[float]] = defaultdict(list)
    for number, line in layout.lines.items():
        if rows[number]["parent"] is None:
            found[rows[number]["tree"]].append(line)
    return [lines for lines in found.values() if len(lines) > 1]


def _told(row: Row) -> str:
    return (
        f"branch {row['branch']}: radius {row['radius_mm']:.3g} mm, length {row['length_mm']:.3g} mm, "
        f"order {row['strahler_order']}, generation {row['generation']}"
    )


def _left_out(layout: Layout, count: int) -> str:
    parts = []
    if layout.lowest_order > 1:
        below = "order 1" if layout.lowest_order == 2 else f"orders 1 to {layout.lowest_order - 1}"
        parts.append(f"branches of Strahler {below}")
    if layout.trees_left_out:
        one = layout.trees_left_out == 1
        parts.append(f"{layout.trees_left_out:,} small tree{'' if one else 's'}")
    if not parts:
        return ""
    words = f"Not drawn: {' and '.join(parts)}; {len(layout.lines):,} of {count:,} branches are."
    return f'<p class="quiet small">{text(words)}</p>'
