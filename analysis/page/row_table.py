"""Rows of the tables on a page."""

from collections.abc import Sequence
from typing import Any

from ramify.analysis.branch_table import Row
from ramify.report.markup import join, text


def row_table(rows: Sequence[Row], columns: Sequence[str], sortable: bool = False) -> str:
    """A table of those columns whose heads are the columns' own names; what no row has is left out."""
    there = [column for column in columns if any(column in row for row in rows)]
    heads = "".join(_head(one, rows, sortable) for one in there)
    body = join(f"<tr>{''.join(_cell(row.get(column), sortable) for column in there)}</tr>" for row in rows)
    kind = ' class="sortable"' if sortable else ""
    return f'<div class="scroll"><table{kind}><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def _head(column: str, rows: Sequence[Row], sortable: bool) -> str:
    if not sortable:
        return f"<th>{text(heading(column))}</th>"
    kind = ' data-kind="text"' if any(isinstance(row.get(column), str) for row in rows) else ""
    return f"<th{kind}><button>{text(heading(column))}</button></th>"


def heading(column: str) -> str:
    """`start_radius_mm` -> start radius (mm)."""
    for unit, shown in (("_per_mm", "1/mm"), ("_mm3", "mm³"), ("_mm2", "mm²"), ("_mm", "mm")):
        if column.endswith(unit):
            return f"{column.removesuffix(unit).replace('_', ' ')} ({shown})"
    return column.replace("_", " ")


def _cell(value: Any, sortable: bool) -> str:
    if isinstance(value, bool):
        shown = "yes" if value else ""
    elif isinstance(value, float):
        shown = f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
    else:
        shown = "–" if value is None else str(value)
    key = f' data-value="{"" if value is None else text(float(value) if isinstance(value, bool) else value)}"'
    return f"<td{key if sortable else ''}>{text(shown)}</td>"
