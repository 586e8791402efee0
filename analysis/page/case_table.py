"""The part of a page with a row a case, to sort."""

from collections.abc import Mapping, Sequence
from typing import Any

from ramify.analysis.page.summary_words import WORDS, written
from ramify.report.failed_cases import failed_cases
from ramify.report.markup import join, text

COLUMNS = (
    *("branches", "trees", "ends", "cycles", "length_mm", "vessels_ml", "vessels_cm2", "mean_radius_mm"),
    *("largest_radius_mm", "mean_tortuosity", "fractal_dimension", "mean_lacunarity", "largest_strahler_order"),
    *("bifurcation_ratio", "vessel_share_of_organ", "length_mm_per_ml_of_organ", "length_mm_per_cm2_of_organ"),
    "mean_distance_to_vessel_mm",
)


def cases_section(
    rows: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    anchors: Mapping[str, str],
    groups: Mapping[str, str],
    failed: Mapping[str, str],
) -> str:
    """The table, and the cases that failed with the reason.

    Args:
        rows: of the summary. names: of each.
        anchors: name -> address of its part of the page.
        groups: case -> group, empty without groups.
        failed: case -> reason.
    """
    if len(rows) == 1 and not failed:
        return ""
    columns = [one for one in COLUMNS if any(one in row for row in rows)]
    heads = ['<th data-kind="text" class="left"><button>case</button></th>']
    heads += ['<th data-kind="text" class="left"><button>group</button></th>'] if groups else []
    heads += [f"<th><button>{text(WORDS[one].with_unit)}</button></th>" for one in columns]
    body = []
    for row, name in zip(rows, names, strict=True):
        shown = f'<span class="name">{text(name)}</span>'
        if name in anchors:
            shown = f'<a href="#{anchors[name]}">{shown}</a>'
        cells = [f'<td data-value="{text(name)}" title="{text(name)}">{shown}</td>']
        if groups:
            group = text(groups[row["case"]])
            cells.append(f'<td class="left" data-value="{group}">{group}</td>')
        for one in columns:
            value = row.get(one)
            key = "" if value is None else repr(float(value))
            cells.append(f'<td data-value="{key}">{text(written(value))}</td>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    table = f'<table class="sortable cases"><thead><tr>{"".join(heads)}</tr></thead><tbody>{join(body)}</tbody></table>'
    lost = failed_cases(failed, "case could not be analysed", "cases could not be analysed")
    return (
        '<section id="cases"><div class="head"><h2>Cases</h2><span class="quiet small scripted">click a column to sort '
        f'by it, a case to see it</span></div><div class="card"><div class="scroll">{table}</div></div>'
        f"{lost}</section>"
    )
