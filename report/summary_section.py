"""The part of a report about all cases together: key figures, the table of measures, the scales."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ramify.drawing.colours import as_hex, scale_colours
from ramify.drawing.scale_words import scale_names
from ramify.report.charts import scale_strips, strip
from ramify.report.intervals import MeanInterval, caution, mean_interval
from ramify.report.markup import join, text
from ramify.report.measure_words import by_family, is_share, named_unit, short_name, written

KEY_FIGURES = ("cldice", "dice", "scale_1_sensitivity", "hd95_mm")
SCALE_FIGURES = {
    "sensitivity": "Voxels found",
    "length_recall": "Centreline length found",
    "tsens": "Skeleton held (Tsens)",
    "dice": "Dice in the scale's territory",
}
COLUMNS_BEFORE_SCALES = ("cldice", "dice", "tprec", "tsens")
COLUMNS_AFTER_SCALES = ("hd95_mm", "hd_mm", "betti0_error", "betti1_error")
CEILING = "mean score of a perfect mask on the grid the network sees, brought back as a prediction is"
_OF_SCALE = re.compile(r"scale_(\d+)_(.+)")

Rows = Mapping[str, Mapping[str, Any]]


def values_of(rows: Rows, measure: str) -> list[float]:
    """The measure's values over the cases that define it."""
    return [float(row[measure]) for row in rows.values() if row.get(measure) is not None]


def key_figures(report: Mapping[str, Any]) -> str:
    """A few means in large print, and how many cases they are of."""
    rows, described, counts = report["cases"], report["measures"], report["summary"]["counts"]
    tiles = [_tile("Cases", str(counts["cases"]), "", _count_words(counts))]
    for measure in KEY_FIGURES:
        if measure not in described:
            continue
        interval = mean_interval(values_of(rows, measure))
        unit = described[measure]["unit"]
        label = f"Mean {short_name(measure)}{' of the classes' if report.get('classes') else ''}"
        if measure == "scale_1_sensitivity":
            if count_scales(report) < 2:
                continue
            label = "Smallest vessels found"
        range_words = _interval_words(interval, measure, described)
        if (ceiling := ceiling_of(measure, report)) is not None:
            range_words += f"; ceiling {written(ceiling, measure, described)}"
        tiles.append(_tile(label, written(interval.mean, measure, described), unit, range_words))
    return f'<div class="tiles">{join(tiles)}</div>'


def ceiling_of(measure: str, report: Mapping[str, Any]) -> float | None:
    """What a perfect mask on the prepared grid scores on average; None where that is not known."""
    mean: float | None = report.get("ceiling", {}).get("mean", {}).get(measure)
    return mean


def _tile(label: str, value: str, unit: str, below: str) -> str:
    small = f" <small>{text(unit)}</small>" if unit else ""
    return (
        f'<div class="card tile"><div class="label">{text(label)}</div><div class="value">{text(value)}{small}</div>'
        f'<div class="quiet small">{text(below)}</div></div>'
    )


def _count_words(counts: Mapping[str, int]) -> str:
    names = {"failed": "failed", "missed": "missed", "invented": "invented", "both_empty": "both empty"}
    words = [f"{counts[key]} {name}" for key, name in names.items() if counts.get(key)]
    return ", ".join(words) if words else "none failed, none empty"


def _interval_words(interval: MeanInterval, measure: str, described: Mapping[str, Any]) -> str:
    if interval.low is None or interval.high is None:
        return "no interval"
    low, high = (written(end, measure, described) for end in (interval.low, interval.high))
    return f"95 % interval {low} to {high}"


def summary_section(report: Mapping[str, Any]) -> str:
    """Every measure's mean with its interval, spread and cases; of label maps, that of the means over the classes."""
    body = []
    for family, measures in by_family(report).items():
        plain = [measure for measure in measures if not _OF_SCALE.fullmatch(measure)]
        if plain:
            body.append(f'<tr class="group"><th colspan="{7 + ("ceiling" in report)}">{text(family)}</th></tr>')
            body += [_summary_row(measure, report) for measure in plain]
    heads = ["measure", "mean", "95 % interval", "sd", "median", "range", "cases, mean and interval"]
    if "ceiling" in report:
        heads.insert(2, f'<span title="{text(CEILING)}">ceiling</span>')
    names = "".join(f"<th>{head}</th>" for head in heads)
    table = f"<table><thead><tr>{names}</tr></thead><tbody>{join(body)}</tbody></table>"
    note = caution(len(report["cases"]))
    warning = f'<p class="note warn">{text(note)}</p>' if note else ""
    return (
        '<section id="summary"><div class="head"><h2>All measures</h2><span class="quiet small">means over cases, '
        "misses included; intervals are bias-corrected and accelerated bootstrap intervals of the mean</span></div>"
        f'<div class="card"><div class="scroll">{table}</div></div>{warning}</section>'
    )


def _summary_row(measure: str, report: Mapping[str, Any]) -> str:
    rows, described, spread = report["cases"], report["measures"], report["summary"][measure]
    values = values_of(rows, measure)
    interval = mean_interval(values)

    def say(value: float | None) -> str:
        return text(written(value, measure, described))

    arrow = "↑" if described[measure]["better"] == "higher" else "↓"
    left_out = f' <span class="quiet small">n = {len(values)}</span>' if len(values) < len(rows) else ""
    ends = "–" if interval.low is None else f"{say(interval.low)} to {say(interval.high)}"
    cells = [
        f"<td><b>{say(interval.mean)}</b></td>",
        f"<td>{ends}</td>",
        f"<td>{say(spread['sd'])}</td>",
        f"<td>{say(spread['median'])}</td>",
        f"<td>{say(spread['min'])} to {say(spread['max'])}</td>",
        f"<td>{strip(values, interval, _highest(measure, values, described), short_name(measure))}</td>",
    ]
    if "ceiling" in report:
        cells.insert(1, f"<td>{say(ceiling_of(measure, report))}</td>")
    title = f' title="{text(described[measure]["formula"])}"'
    name = f"<th{title}>{text(named_unit(measure, described))} <span class='quiet'>{arrow}</span>{left_out}</th>"
    return f"<tr>{name}{''.join(cells)}</tr>"


def _highest(measure: str, values: Sequence[float], described: Mapping[str, Any]) -> float:
    return 1.0 if is_share(measure, described) else max(values, default=0.0) * 1.05 or 1.0


def column_measures(report: Mapping[str, Any]) -> list[str]:
    """The measures with a column in the table of cases; without any of the usual ones, all that there are."""
    scales = [f"scale_{number}_sensitivity" for number in range(1, count_scales(report) + 1)]
    usual = [*COLUMNS_BEFORE_SCALES, *scales, *COLUMNS_AFTER_SCALES]
    return [measure for measure in usual if measure in report["measures"]] or list(report["measures"])


def count_scales(report: Mapping[str, Any]) -> int:
    """How many scales there are measures for."""
    return max((int(found[1]) for name in report["measures"] if (found := _OF_SCALE.fullmatch(name))), default=0)


def scale_section(report: Mapping[str, Any]) -> str:
    """How well small, medium and large vessels are found: what a mean over all voxels hides."""
    count, rows = count_scales(report), report["cases"]
    if count < 2:
        return ""
    title = "Small, medium and large vessels" if count == 3 else "Vessels by size, the smallest first"
    colours, names = [as_hex(colour) for colour in scale_colours(count)], scale_names(count)
    panels = []
    for figure, words in SCALE_FIGURES.items():
        lines = []
        for number, (name, colour) in enumerate(zip(names, colours), start=1):
            values = values_of(rows, f"scale_{number}_{figure}")
            lines.append((name, colour, values, mean_interval(values)))
        measures = [f"scale_{number}_{figure}" for number in range(1, count + 1)]
        ceilings = _ceiling_words(dict(zip(names, measures, strict=True)), report)
        panels.append(f"<div><h3>{words}</h3>{scale_strips(lines, 1.0, f'{words} by scale')}{ceilings}</div>")
    return (
        f'<section id="scales"><div class="head"><h2>{title}</h2>'
        '<span class="quiet small">scales of the truth by its branch radii; a dot a case, the mean with its interval'
        f'</span></div><div class="card"><div class="panels">{join(panels)}</div></div></section>'
    )


def _ceiling_words(measures: Mapping[str, str], report: Mapping[str, Any]) -> str:
    """A line on what a perfect mask on the prepared grid scores, by what the measures are called; often nothing."""
    known = {name: value for name, one in measures.items() if (value := ceiling_of(one, report)) is not None}
    if not known:
        return ""
    told = ", ".join(f"{name} {value:.3f}" for name, value in known.items())
    return f'<p class="quiet small" title="{text(CEILING)}">ceiling: {text(told)}</p>'
