"""The part of a report with a row a case: the table to sort, the cases that failed, the radii side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from ramify.drawing.scale_words import scale_names
from ramify.report.case_view import CaseView
from ramify.report.charts import letter_value_plot
from ramify.report.failed_cases import failed_cases
from ramify.report.markup import join, swatch, text
from ramify.report.measure_words import badness, named_unit, short_name, written
from ramify.report.summary_section import column_measures, count_scales, values_of


def cases_section(report: Mapping[str, Any], ranked: Sequence[str], sorted_by: str, anchors: Mapping[str, str]) -> str:
    """A row a case, the worst first, to sort by any column; then the cases that failed, with the reason."""
    rows, described = report["cases"], report["measures"]
    scales = [f"scale_{number}_sensitivity" for number in range(1, count_scales(report) + 1)]
    columns = column_measures(report)
    labels = dict(zip(scales, (f"{name} found" for name in scale_names(len(scales)))))
    heads = ['<th data-kind="text" class="left"><button>case</button></th>']
    for measure in columns:
        order = ""
        if measure == sorted_by:
            order = ' aria-sort="ascending"' if described[measure]["better"] == "higher" else ' aria-sort="descending"'
        label = labels.get(measure, named_unit(measure, described))
        heads.append(f'<th{order} title="{text(described[measure]["formula"])}"><button>{text(label)}</button></th>')
    values = {measure: values_of(rows, measure) for measure in columns}
    body = []
    for case_id in ranked:
        row = rows[case_id]
        cells = "".join(_score_cell(row.get(measure), measure, values[measure], described) for measure in columns)
        name = f'<span class="name">{text(case_id)}</span>'
        if case_id in anchors:
            name = f'<a href="#{anchors[case_id]}">{name}</a>'
        head = f'<td data-value="{text(case_id)}" title="{text(case_id)}">{name}{badges(row)}</td>'
        body.append(f"<tr>{head}{cells}</tr>")
    table = (
        f'<table class="sortable cases"><thead><tr>{"".join(heads)}</tr></thead><tbody>{join(body)}</tbody></table>'
        if body
        else '<p class="quiet">No case could be evaluated.</p>'
    )
    failed = failed_cases(
        report["failed"], "case could not be evaluated and is in no mean", "cases failed and are in no mean"
    )
    return (
        '<section id="cases"><div class="head"><h2>Cases</h2><span class="quiet small">the worst '
        f'{text(short_name(sorted_by))} first<span class="scripted">; click a column to sort by it, a case to see it'
        "</span></span></div>"
        f'<div class="card"><div class="scroll">{table}</div></div>{failed}</section>'
    )


def _score_cell(value: float | None, measure: str, values: Sequence[float], described: Mapping[str, Any]) -> str:
    bad = badness(value, measure, values, described)
    key = "" if value is None else repr(float(value))
    shown = text(written(value, measure, described))
    return f'<td class="heat" style="--bad:{bad:.3f}" data-value="{key}">{shown}</td>'


def badges(row: Mapping[str, Any]) -> str:
    """What a case's empty masks are called."""
    words = {
        (True, False): ("missed", "the prediction is empty"),
        (False, True): ("invented", "the truth is empty"),
        (True, True): ("both empty", "neither mask holds a vessel"),
    }
    kind = (bool(row.get("empty_prediction")), bool(row.get("empty_truth")))
    return f'<span class="badge" title="{words[kind][1]}">{words[kind][0]}</span>' if kind in words else ""


def radii_section(views: Mapping[str, CaseView]) -> str:
    """Letter values of the branch radii, truth beside prediction, of every case that is shown."""
    cases = {name: (view.truth_radii_mm, view.prediction_radii_mm) for name, view in views.items()}
    cases = {name: pair for name, pair in cases.items() if any(len(radii) for radii in pair)}
    if not cases:
        return ""
    legend = f'<p class="legend"><span>{swatch("var(--truth)")}truth</span><span>{swatch("var(--predicted)")}prediction'
    return (
        '<section id="radii"><div class="head"><h2>Branch radii</h2><span class="quiet small">letter values: boxes '
        "hold the middle half, three quarters, seven eighths … of the branches, dots lie beyond; in mm</span></div>"
        f'<div class="card">{legend}</span></p><div class="scroll">{letter_value_plot(cases)}</div></div></section>'
    )
