"""The part of a report that says how its numbers came about: policies, protocol, formulas, versions."""

from collections.abc import Mapping, Sequence
from typing import Any

from ramify.data.prediction_record import in_words
from ramify.report.markup import join, text
from ramify.report.measure_words import named_unit

CONNECTIVITY = (
    "Foreground is connected over faces, edges and corners (26 in 3D, 8 in 2D), background over faces alone (6 and 4). "
    "Betti numbers and Euler characteristic are of the whole volume, but for measures named patch_…, which are means "
    "over patches of the size below."
)
MISSED = (
    "In 3D, and only there, missed are the parts of the truth whose centreline the prediction does not hold, and extra "
    "the parts of the prediction whose centreline the truth does not hold; a wall that is a voxel off is neither. In "
    "projections every voxel counts. Surfaces in 3D are smoothed and simplified; all measures are of the masks."
)

CLASSES = (
    "Each class is measured as a mask of its own; labels of no class are background. A case's value is the mean over "
    "the classes that have one, regions are in no mean. any_vessel are all vessel classes as one mask."
)
DETECTION = (
    "A class that the truth of a case has is found if its overlap (IoU) with the prediction is {iou:g} or more, else "
    "missed; one that the truth lacks and the prediction has is invented. "
    "F1 = 2 found / (2 found + missed + invented), over all cases."
)
IGNORED = (
    "Voxels of the truth's label {label} count in no measure, whatever is predicted there: they are cut out of both "
    "masks, and a vessel that runs through them is two vessels in both."
)


def method_section(report: Mapping[str, Any], command_line: str, shown: str) -> str:
    """How to read the report, what was measured how, and with which code.

    shown: which cases are in pictures, in words.
    """
    versions = dict(report["versions"])
    facts = {
        "Empty masks": text(report["policy"]),
        "Topology": text(CONNECTIVITY),
        "Missed and extra": text(MISSED),
        "Cases in pictures": text(shown),
        **_classes(report),
        **_predicted(report.get("predictions", ())),
        **_cleaned_up(report.get("clean_up", {})),
        **_warned(report.get("notes", {})),
        "Settings": join(f"<div><code>{text(line)}</code></div>" for line in _flat(report.get("settings", {}))),
        "Command": f"<code>{text(command_line)}</code>",
        "Commit": f"<code>{text(versions.pop('commit', 'unknown'))}</code>",
        "Versions": text(", ".join(f"{name} {version}" for name, version in versions.items())),
    }
    listed = join(f"<dt>{name}</dt><dd>{content or '–'}</dd>" for name, content in facts.items())
    return (
        '<section id="method"><div class="head"><h2>How this was measured</h2></div>'
        f'<div class="card"><dl class="facts">{listed}</dl>{_formulas(report["measures"])}</div></section>'
    )


def _classes(report: Mapping[str, Any]) -> dict[str, str]:
    """Of label maps: which labels are which class, what regions are, and what was left out; in words."""
    settings, told = report.get("settings", {}), {}
    for key, words in (("classes", "Classes"), ("regions", "Regions")):
        if its := settings.get(key):
            labels = (f"{name} = label {' + '.join(map(str, values))}" for name, values in its.items())
            told[words] = text("; ".join(labels))
    if told:
        told["Classes"] += f"<div>{text(CLASSES)}</div>"
        told["Detection"] = text(DETECTION.format(iou=settings["detection_iou"]))
    if (ignore := settings.get("ignore_label")) is not None:
        told["Not labelled"] = text(IGNORED.format(label=ignore))
    return told


def _predicted(records: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Which networks made the predictions, and how, where records beside them say so."""
    lines = [
        line if number else f"{len(record['cases'])} case{'s' * (len(record['cases']) != 1)}: {line}"
        for record in records
        for number, line in enumerate(in_words(record))
    ]
    return {"Predicted by": join(f"<div>{text(line)}</div>" for line in lines)} if lines else {}


def _cleaned_up(in_words: Mapping[str, str]) -> dict[str, str]:
    """How predictions were cleaned up before they were scored, where a note beside them says so."""
    lines = [f"{name}: {words}" for name, words in in_words.items()]
    return {"Clean-up": join(f"<div>{text(line)}</div>" for line in lines)} if lines else {}


def _warned(notes: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What must be known beside the scores of some cases: what was mended to read them, or is hardly right."""
    lines = [f"{case_id}: {note}" for case_id, told in notes.items() for note in told]
    return {"Warnings": join(f"<div>{text(line)}</div>" for line in lines)} if lines else {}


def _flat(settings: Mapping[str, Any], prefix: str = "") -> list[str]:
    lines = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            lines += _flat(value, f"{prefix}{key}.")
        else:
            lines.append(f"{prefix}{key}: {value}")
    return lines


def _formulas(described: Mapping[str, Mapping[str, str]]) -> str:
    rows = join(
        f"<tr><th>{text(named_unit(measure, described))}</th><td class='wrap'>{text(about['formula'])}</td>"
        f"<td>{text(about['range'])}</td><td>{text(about['better'])}</td>"
        f"<td class='wrap'>{text(about['source'])}</td></tr>"
        for measure, about in described.items()
    )
    heads = (
        '<th>measure</th><th class="left">formula (P prediction, T truth)</th><th>range</th><th>better</th>'
        '<th class="left">source</th>'
    )
    return (
        '<details class="plain"><summary>Formula, range and source of every measure</summary><div class="scroll">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )
