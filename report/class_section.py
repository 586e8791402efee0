"""The part of a report about the classes of label maps: any vessel, each class and region, TopCoW's values."""

from collections.abc import Mapping
from typing import Any

from ramify.drawing.colours import as_hex, class_colours
from ramify.metrics.classes import MERGED
from ramify.report.markup import join, swatch, text
from ramify.report.measure_words import named_unit, written
from ramify.report.summary_section import column_measures

_COLUMNS = ("dice", "cldice", "hd95_mm", "betti0_error", "length_recall")
"""So few that the table is as wide as the page."""
_TOPCOW_MEANS = {
    "dice": "class-average Dice",
    "cldice": "clDice, all arteries as one",
    "b0_error": "class-average B0 error",
    "hd95_mm": "class-average HD95 (mm)",
}


def class_section(report: Mapping[str, Any]) -> str:
    """A row each: any vessel, the mean over the classes, the classes in their colours, and regions."""
    if not report.get("classes"):
        return ""
    regions = dict(report.get("regions", {}))
    merged = regions.pop(MERGED, None)
    colours = [swatch(as_hex(colour)) for colour in class_colours(len(report["classes"]))]
    rows = [_row("any vessel, whatever its class", merged, report, bold=True)] if merged else []
    rows.append(_row("mean of the classes", report, report, bold=True))
    rows += [
        _row(name, section, report, colour)
        for (name, section), colour in zip(report["classes"].items(), colours, strict=True)
    ]
    rows += [_row(f"{name} (region)", section, report) for name, section in regions.items()]
    measures = "".join(f"<th>{text(named_unit(measure, report['measures']))}</th>" for measure in _columns(report))
    found = "".join(f"<th>{head}</th>" for head in ("detection F1", "found", "missed", "invented", "cases counted"))
    return (
        '<section id="classes"><div class="head"><h2>Classes</h2><span class="quiet small">means over the cases that '
        f"have the class or to which it was given; found from an overlap (IoU) of {_iou(report)} on</span></div>"
        '<div class="card"><div class="scroll"><table><thead><tr><th class="left">class</th>'
        f"{measures}{found}</tr></thead><tbody>{join(rows)}</tbody></table></div></div>{_topcow(report)}</section>"
    )


def _columns(report: Mapping[str, Any]) -> list[str]:
    return [measure for measure in _COLUMNS if measure in report["measures"]] or column_measures(report)[:6]


def _iou(report: Mapping[str, Any]) -> str:
    return f"{report['settings']['detection_iou']:g}"


def _row(name: str, section: Mapping[str, Any], report: Mapping[str, Any], colour: str = "", bold: bool = False) -> str:
    summary, described = section["summary"], report["measures"]
    cells = [written(summary[measure]["mean"], measure, described) for measure in _columns(report)]
    found, counts = summary.get("detection", {}), summary["counts"]
    f1 = found.get("f1")
    cells.append("–" if f1 is None else f"{f1:.3f}")
    cells += [str(found[key]) if key in found else "–" for key in ("tp", "fn", "fp")]
    cells.append(f"{counts['counted']} of {counts['cases']}")
    label = f"<b>{text(name)}</b>" if bold else text(name)
    return f'<tr><th class="name">{colour}{label}</th>{"".join(f"<td>{text(cell)}</td>" for cell in cells)}</tr>'


def _topcow(report: Mapping[str, Any]) -> str:
    """The measures of TopCoW's leaderboard, where they were asked for."""
    if "topcow" not in report:
        return ""
    summary = report["topcow"]["summary"]
    values = {words: summary[name]["mean"] for name, words in _TOPCOW_MEANS.items()}
    values["detection F1, group 2"] = summary["detection_f1"]["mean"]
    for key, words in (("graph_accuracy", "graph classification"), ("topology_match", "topology match")):
        values |= {f"{words}, {half}": value for half, value in summary[key].items()}
    pairs = join(
        f"<div><dt>{text(name)}</dt><dd>{'–' if value is None else f'{value:.3f}'}</dd></div>"
        for name, value in values.items()
    )
    return (
        '<h3 class="apart">As TopCoW measures <span class="quiet small">to be compared with its leaderboard; what '
        'differs from the table above: docs/metrics.md</span></h3><div class="card"><dl class="values">'
        f"{pairs}</dl></div>"
    )
