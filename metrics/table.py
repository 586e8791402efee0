"""The scores of many cases as JSON, as CSV and as a table to read on screen."""

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from metrics.case import FLAGS, MEASURES, POLICY, CaseScores
from metrics.summary import count_misses, summarise

SUMMARY_ROWS = ("mean", "sd", "median")
SHOWN = ("dice", "jaccard", "cldice", "tprec", "tsens", "hd_mm", "hd95_mm")

Cell = str | float | bool | None


def build_report(
    cases: Mapping[str, CaseScores], failed: Mapping[str, str], versions: Mapping[str, str]
) -> dict[str, Any]:
    """Everything there is to say about some evaluated cases, ready for JSON; keys as in docs/metrics.md.

    Args:
        cases: case id -> the row of `metrics.case.evaluate_case`.
        failed: case id -> why it could not be evaluated, in one line.
        versions: what the scores were made with.
    """
    return {
        "cases": dict(cases),
        "summary": {**summarise(cases), "counts": count_misses(cases, len(failed))},
        "failed": dict(failed),
        "policy": POLICY,
        "versions": dict(versions),
    }


def to_json(report: Mapping[str, Any]) -> str:
    """The report as strict JSON: what is undefined is null, never NaN."""
    return json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(report: Mapping[str, Any]) -> str:
    """A row a case, then the failed ones without values, then mean, sd and median; `status` tells them apart."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["case", "status", *MEASURES, *FLAGS])
    for case_id, row in report["cases"].items():
        writer.writerow([case_id, "evaluated", *(_plain(row[column]) for column in MEASURES + FLAGS)])
    for case_id in report["failed"]:
        writer.writerow([case_id, "failed", *[""] * len(MEASURES + FLAGS)])
    for statistic in SUMMARY_ROWS:
        values = [_plain(report["summary"][measure][statistic]) for measure in MEASURES]
        writer.writerow([statistic, "summary", *values, *[""] * len(FLAGS)])
    return stream.getvalue()


def format_table(report: Mapping[str, Any]) -> str:
    """The table for the screen: a row a case, mean, sd and median below a rule, and a line that counts the misses."""
    header = ["case", *SHOWN]
    rows = [
        [case_id, *(_rounded(measure, row[measure]) for measure in SHOWN), *(flag for flag in FLAGS if row[flag])]
        for case_id, row in report["cases"].items()
    ]
    summary = [
        [statistic, *(_rounded(measure, report["summary"][measure][statistic]) for measure in SHOWN)]
        for statistic in SUMMARY_ROWS
    ]
    widths = [max(len(row[column]) for row in [header, *rows, *summary]) for column in range(len(header))]
    rule = "-" * (sum(widths) + 2 * len(widths) - 2)
    lines = [_line(header, widths), rule, *(_line(row, widths) for row in rows)]
    lines += [rule, *(_line(row, widths) for row in summary), _describe_counts(report["summary"]["counts"])]
    return "\n".join(lines)


def _plain(value: Cell) -> str:
    """Full precision, lower-case booleans, nothing for what is undefined."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _rounded(measure: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if measure.endswith("_mm") else f"{value:.4f}"


def _line(cells: list[str], widths: list[int]) -> str:
    """The first column to the left, numbers to the right, and what has no column (flags) behind them."""
    columns = [cells[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:]))]
    return "  ".join([*columns, *cells[len(widths) :]])


def _describe_counts(counts: Mapping[str, int]) -> str:
    return (
        f"{counts['cases']} evaluated, {counts['failed']} failed; of the evaluated {counts['missed']} missed "
        f"(prediction empty), {counts['invented']} invented (truth empty), {counts['both_empty']} both empty"
    )
