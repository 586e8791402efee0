"""A report as one page of HTML that opens anywhere, offline: nothing in it is loaded from elsewhere."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from ramify.disk.atomic_files import write_whole
from ramify.report.case_section import case_section
from ramify.report.case_table import cases_section, radii_section
from ramify.report.case_view import CaseView
from ramify.report.class_section import class_section
from ramify.report.document import document, shipped
from ramify.report.markup import join, text
from ramify.report.measure_words import Described, short_name
from ramify.report.method_section import method_section
from ramify.report.settings import ReportSettings
from ramify.report.summary_section import key_figures, scale_section, summary_section


def write_report(
    path: Path | str,
    report: Mapping[str, Any],
    views: Mapping[str, CaseView],
    command_line: str = "",
    settings: ReportSettings | None = None,
    title: str = "",
) -> None:
    """Write the report of an evaluation, whole or not at all.

    Args:
        path: the HTML file.
        report: what `metrics.table.build_report` gives.
        views: case id -> what `report.case_view.view_case` gives; cases without one are in the tables alone.
        command_line: with which the evaluation was called.
        settings: how much is shown.
        title: what tells it from other reports, such as the name of a network; empty for nothing.

    Raises:
        OSError: the file cannot be written.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from ramify.metrics import build_report, evaluate_case
        >>> from ramify.report import write_report
        >>> mask = np.eye(8, dtype=bool)
        >>> report = build_report({"a": evaluate_case(mask, mask, (1.0, 1.0))}, failed={}, versions={})
        >>> write_report(Path("report.html"), report, views={})
        >>> Path("report.html").read_text(encoding="utf-8")[:15]
        '<!DOCTYPE html>'
    """
    path = Path(path)
    write_whole(path, build_page(report, views, command_line, settings or ReportSettings(), title))


def rank_cases(report: Mapping[str, Any], sort_by: str) -> tuple[list[str], str]:
    """Case ids, the worst first, and the measure they are ranked by; what is undefined comes last, ties by name."""
    rows, described = report["cases"], report["measures"]
    measure = sort_by if sort_by in described else next(iter(described), "")
    sign = 1 if described.get(measure, {}).get("better") == "higher" else -1

    def worst_first(case_id: str) -> tuple[bool, float, str]:
        value = rows[case_id].get(measure)
        return value is None, 0.0 if value is None else sign * float(value), case_id

    return sorted(rows, key=worst_first), measure


def build_page(
    report: Mapping[str, Any],
    views: Mapping[str, CaseView],
    command_line: str,
    settings: ReportSettings,
    title: str = "",
) -> str:
    """The page as text; arguments as for `write_report`."""
    ranked, measure = rank_cases(report, settings.sort_by)
    shown = [case_id for case_id in ranked if case_id in views][: settings.cases]
    # Names may hold anything: addresses within the page are numbers.
    anchors = {case_id: f"case-{number}" for number, case_id in enumerate(shown, start=1)}
    solid = [case_id for case_id in shown if views[case_id].scene is not None][: settings.surfaces]
    sliced = [case_id for case_id in shown if views[case_id].slices is not None][: settings.slices]
    seen = {case_id: _bounded(views[case_id], case_id in solid, case_id in sliced) for case_id in shown}
    described: Described = report["measures"]
    # A case with an empty mask is the worst, and shows the least.
    rows = report["cases"]
    first = next((one for one in shown if not (rows[one]["empty_prediction"] or rows[one]["empty_truth"])), None)
    sections = [
        case_section(case_id, anchors[case_id], rows[case_id], view, described, opened=case_id == first)
        for case_id, view in seen.items()
    ]
    words = _shown_words(len(ranked), len(shown), len(solid), short_name(measure))
    if sliced:
        words += f"; {len(sliced)} with {'its' if len(sliced) == 1 else 'their'} image"
    body = [
        key_figures(report),
        class_section(report),
        scale_section(report),
        cases_section(report, ranked, measure, anchors),
        _details(sections, words),
        radii_section(seen),
        summary_section(report),
        method_section(report, command_line, words),
    ]
    cases = f"{len(rows)} case{'' if len(rows) == 1 else 's'}"
    intro = f"Predicted vessels against the truth, {cases}, {date.today().isoformat()}. Blue is missed, red is extra."
    return document(
        # A tab shows the first words alone.
        f"{title}: vessel segmentation" if title else f"Vessel segmentation, {cases}",
        f"Vessel segmentation: {title}" if title else "Vessel segmentation report",
        intro,
        join(body),
        style=shipped("page.css", "slices.css"),
        script=shipped("unpacking.js", "viewer.js", "slices.js", "page.js"),
        commit=report["versions"].get("commit", "unknown"),
    )


def _bounded(view: CaseView, solid: bool, sliced: bool) -> CaseView:
    """The view without what only the worst cases show."""
    return replace(view, scene=view.scene if solid else None, slices=view.slices if sliced else None)


def _shown_words(total: int, shown: int, solid: int, measure: str) -> str:
    if not shown:
        return "none"
    some = "all" if shown == total else f"the {shown} worst of {total} by {measure}"
    surfaces = f"{solid} of them, the worst, with surfaces to rotate" if solid else "none with a surface to rotate"
    return f"{some}; {surfaces}"


def _details(sections: list[str], words: str) -> str:
    if not sections:
        return ""
    return (
        '<section id="details"><div class="head"><h2>Case by case</h2>'
        f'<span class="quiet small">{text(words)}</span><button type="button" id="open-all">Open all</button></div>'
        f"{join(sections)}</section>"
    )
