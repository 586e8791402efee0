"""The scores of many cases as JSON, as CSV and as a table to read on screen."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ramify.console.csv_text import csv_text
from ramify.metrics.case import FLAGS, CaseScores
from ramify.metrics.class_scores import mean_of_classes
from ramify.metrics.classes import ClassSet
from ramify.metrics.detection import count_detections, mean_f1
from ramify.metrics.families import measures_of
from ramify.metrics.measure import DEFINITIONS, Measure
from ramify.metrics.settings import EvaluationSettings
from ramify.metrics.summary import count_misses, summarise

SUMMARY_ROWS = ("mean", "sd", "median")

Cell = str | float | bool | None
ClassScores = Mapping[str, CaseScores]
"""The rows of a case's classes, by class."""


def build_report(
    cases: Mapping[str, CaseScores | ClassScores],
    failed: Mapping[str, str],
    versions: Mapping[str, str],
    settings: EvaluationSettings | None = None,
    chosen: ClassSet | None = None,
    notes: Mapping[str, Sequence[str]] | None = None,
    masks: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Everything there is to say about some evaluated cases, ready for JSON; keys as in docs/metrics.md.

    Args:
        cases: case id -> the row of `metrics.case.evaluate_case`; with classes -> the rows of
            `metrics.class_scores.evaluate_classes`, of all that is `chosen.measured`.
        failed: case id -> why it could not be evaluated, in one line.
        versions: what the scores were made with.
        settings: those the cases were evaluated with.
        chosen: the classes and regions, if the cases are label maps.
        notes: case id -> what must be known beside its scores, a line each.
        masks: which labels were taken as masks, and where masks were compared; among the `settings`.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import build_report, evaluate_case
        >>> target = np.eye(8, dtype=bool)
        >>> report = build_report({"a": evaluate_case(target, target, (1.0, 1.0))}, failed={}, versions={})
        >>> report["summary"]["dice"]["mean"]
        1.0
    """
    settings = settings or EvaluationSettings()
    measures = measures_of(settings)
    chosen = chosen or ClassSet()
    names = [one.name for one in chosen.classes]
    report = {
        **_section(_means(cases, names) if names else cases, settings, len(failed)),
        "failed": dict(failed),
        "notes": {case_id: list(lines) for case_id, lines in (notes or {}).items()},
        "definitions": DEFINITIONS,
        "measures": {measure.name: describe_measure(measure) for measure in measures},
        "settings": settings.model_dump(mode="json") | dict(masks or {}),
        "policy": settings.policy(),
        "versions": dict(versions),
    }
    if names:
        for key, its in (("classes", chosen.classes), ("regions", chosen.regions)):
            report[key] = {one.name: _class_section(one.name, cases, settings, len(failed)) for one in its}
        found = [section["summary"].get("detection") for section in report["classes"].values()]
        report["summary"]["detection"] = {"f1": mean_f1(found)}
    return report


def _means(cases: Mapping[str, Any], classes: Sequence[str]) -> dict[str, CaseScores]:
    return {case_id: mean_of_classes({name: rows[name] for name in classes}) for case_id, rows in cases.items()}


def _class_section(name: str, cases: Mapping[str, Any], settings: EvaluationSettings, failed: int) -> dict[str, Any]:
    rows = {case_id: its[name] for case_id, its in cases.items()}
    section = _section(rows, settings, failed)
    if (found := count_detections(rows, settings.detection_iou)) is not None:
        section["summary"]["detection"] = found
    return section


def _section(cases: Mapping[str, Any], settings: EvaluationSettings, failed: int) -> dict[str, Any]:
    summary = summarise(cases, [measure.name for measure in measures_of(settings)])
    return {"cases": dict(cases), "summary": {**summary, "counts": count_misses(cases, failed, settings.both_empty)}}


def describe_measure(measure: Measure) -> dict[str, str]:
    """What a measure is, in words, for whoever reads the numbers without this project at hand."""
    return {
        "formula": measure.formula,
        "unit": measure.unit,
        "range": measure.range,
        "better": measure.better,
        "source": measure.source,
    }


def to_markdown(measures: Sequence[Measure]) -> str:
    """The measures as rows of the tables in docs/metrics.md: key, formula, unit, range, direction, source."""
    rows = [
        [f"`{measure.name}`", measure.formula, measure.unit or "–", measure.range, measure.better, measure.source]
        for measure in measures
    ]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def to_json(report: Mapping[str, Any]) -> str:
    """The report as strict JSON: what is undefined is null, never NaN.

    Examples:
        >>> import numpy as np
        >>> import json
        >>> from ramify.metrics import build_report, evaluate_case, to_json
        >>> target = np.eye(8, dtype=bool)
        >>> report = build_report({"a": evaluate_case(target, target, (1.0, 1.0))}, failed={}, versions={})
        >>> json.loads(to_json(report))["cases"]["a"]["dice"]
        1.0
    """
    return json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(report: Mapping[str, Any]) -> str:
    """A row a case, then the failed ones without values, then mean, sd and median; `status` tells them apart.

    Of label maps, these rows hold the means over the classes, and those of each class and region follow; `class` tells
    them apart.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import build_report, evaluate_case, to_csv
        >>> target = np.eye(8, dtype=bool)
        >>> report = build_report({"a": evaluate_case(target, target, (1.0, 1.0))}, failed={}, versions={})
        >>> to_csv(report).splitlines()[0][:24]
        'case,status,dice,jaccard'
    """
    columns = [*report["measures"], *FLAGS]
    by_class = {**report.get("regions", {}), **report.get("classes", {})}
    header = ["case", *(["class"] if by_class else []), "status", *columns]
    rows: list[list[object]] = []
    sections = {"mean of classes": report, **by_class} if by_class else {"": report}
    for name, section in sections.items():
        label = [name] if by_class else []
        for case_id, row in section["cases"].items():
            rows.append([case_id, *label, "evaluated", *(_plain(row[column]) for column in columns)])
        for case_id in report["failed"]:
            rows.append([case_id, *label, "failed", *[""] * len(columns)])
        for statistic in SUMMARY_ROWS:
            values = [_plain(section["summary"][measure][statistic]) for measure in report["measures"]]
            rows.append([statistic, *label, "summary", *values, *[""] * len(FLAGS)])
    return csv_text(header, rows)


def format_table(report: Mapping[str, Any], shown: Sequence[Measure]) -> str:
    """The table for the screen: a row a case, mean, sd and median below a rule, and a line that counts the misses.

    Of label maps, a row is the mean over the classes, and the mean of each region and class has a row of its own below.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import EvaluationSettings, build_report, evaluate_case, format_table, shown_measures
        >>> target = np.eye(8, dtype=bool)
        >>> report = build_report({"a": evaluate_case(target, target, (1.0, 1.0))}, failed={}, versions={})
        >>> print(format_table(report, shown_measures(EvaluationSettings())[:2]))
        case      dice  jaccard
        -----------------------
        a       1.0000   1.0000
        -----------------------
        mean    1.0000   1.0000
        sd           -        -
        median  1.0000   1.0000
        1 evaluated, 0 failed; of the evaluated 0 missed (prediction empty), 0 invented (truth empty), 0 both empty
    """
    header = ["case", *(measure.name for measure in shown)]
    rows = [
        [case_id, *(_rounded(measure, row[measure.name]) for measure in shown), *(flag for flag in FLAGS if row[flag])]
        for case_id, row in report["cases"].items()
    ]
    summary = [[statistic, *_of_summary(report, shown, statistic)] for statistic in SUMMARY_ROWS]
    by_class = [
        [f"{kind} {name}", *_of_summary(section, shown, "mean"), _describe_counted(section["summary"])]
        for kind, sections in (("region", report.get("regions", {})), ("class", report.get("classes", {})))
        for name, section in sections.items()
    ]
    if ceiling := report.get("ceiling"):
        known = f"a perfect mask on the prepared grid, mean of {len(ceiling['cases'])} of {len(report['cases'])} cases"
        summary.append(["ceiling", *(_rounded(measure, ceiling["mean"].get(measure.name)) for measure in shown), known])
    widths = [max(len(row[column]) for row in [header, *rows, *summary, *by_class]) for column in range(len(header))]
    rule = "-" * (sum(widths) + 2 * len(widths) - 2)
    lines = [_line(header, widths), rule, *(_line(row, widths) for row in rows), rule]
    lines += [_line(row, widths) for row in [*summary, *by_class]]
    return "\n".join([*lines, _describe_counts(report["summary"]["counts"])])


def shown_measures(settings: EvaluationSettings) -> tuple[Measure, ...]:
    """The measures that have a column on the screen; all of them where none of the chosen has.

    Examples:
        >>> from ramify.metrics import EvaluationSettings, shown_measures
        >>> [measure.name for measure in shown_measures(EvaluationSettings())][:2]
        ['dice', 'jaccard']
    """
    measures = measures_of(settings)
    return tuple(measure for measure in measures if measure.shown) or measures


def _of_summary(section: Mapping[str, Any], shown: Sequence[Measure], statistic: str) -> list[str]:
    return [_rounded(measure, section["summary"][measure.name][statistic]) for measure in shown]


def _plain(value: Cell) -> str:
    """Full precision, lower-case booleans, nothing for what is undefined."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _rounded(measure: Measure, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if measure.highest == 1 else f"{value:.2f}"


def _line(cells: list[str], widths: list[int]) -> str:
    """The first column to the left, numbers to the right, and what has no column (flags) behind them."""
    columns = [cells[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:]))]
    return "  ".join([*columns, *cells[len(widths) :]])


def _describe_counted(summary: Mapping[str, Any]) -> str:
    """Of how many cases the mean of a class is, and how often the class was found."""
    counts, found = summary["counts"], summary.get("detection", {}).get("f1")
    words = f"{counts['counted']} of {counts['cases']} cases counted"
    return words if found is None else f"{words}, detection F1 {found:.4f}"


def _describe_counts(counts: Mapping[str, int]) -> str:
    return (
        f"{counts['cases']} evaluated, {counts['failed']} failed; of the evaluated {counts['missed']} missed "
        f"(prediction empty), {counts['invented']} invented (truth empty), {counts['both_empty']} both empty"
        + (" (in no mean)" if counts["counted"] < counts["cases"] else "")
    )
