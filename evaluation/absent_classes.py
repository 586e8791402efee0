"""Classes that no prediction has, or no file at all: a label that was written otherwise looks like a bad method."""

from collections.abc import Mapping, Sequence
from typing import Any

from ramify.metrics.classes import ClassSet


def absent_classes(
    report: Mapping[str, Any],
    chosen: ClassSet,
    prediction_labels: Sequence[str],
    truth_labels: Sequence[str],
) -> tuple[list[str], list[str]]:
    """What is odd about the classes of an evaluation: warnings, and complaints, a line each.

    A class in truths and in no prediction, or in no file, is a complaint where the user named it; a warning where it
    comes from a table or a data set, of which few cases may have a rare vessel; in every truth of several cases it is
    not rare. Predictions, or truths, that all lack the label which was named for them are a complaint, too.

    Args:
        report: what `metrics.table.build_report` gives.
        chosen: the classes; none of plain masks.
        prediction_labels: the labels of predicted label maps that were named for the vessels.
        truth_labels: those of true ones.
    """
    warnings: list[str] = []
    complaints: list[str] = []
    if not chosen.classes:
        counts = report["summary"]["counts"]
        cases, nowhere = counts["cases"], counts["both_empty"]
        if prediction_labels and counts["missed"] and counts["missed"] + nowhere == cases:
            asked = " ".join(prediction_labels)
            complaints.append(f"--prediction-labels {asked}: no prediction has a voxel of it; is it right?")
        # A single patient may well be without.
        if truth_labels and cases > 1 and counts["invented"] + nowhere == cases:
            complaints.append(f"--truth-labels {' '.join(truth_labels)}: no truth has a voxel of it; is it right?")
    for one in chosen.classes:
        counts = report["classes"][one.name]["summary"]["counts"]
        cases, nowhere = counts["cases"], counts["both_empty"]
        what = f"class {one.name} (label {' or '.join(map(str, one.labels))})"
        if cases and nowhere == cases:
            line = f"{what}: no voxel of it counts in any truth or prediction; are its labels right?"
            (warnings if chosen.looked_up else complaints).append(line)
        elif counts["invented"] and counts["invented"] + nowhere == cases and not chosen.looked_up:
            complaints.append(f"{what}: in {counts['invented']} of {cases} predictions and in no truth; is it right?")
        elif counts["missed"] and counts["missed"] + nowhere == cases:
            line = f"{what}: in {counts['missed']} of {cases} truths and in no prediction; is its label right? "
            line += (
                f"(of predictions that hold 0 and 1 --truth-labels {' '.join(map(str, one.labels))} says the vessels)"
            )
            rare = counts["missed"] < cases or cases == 1
            (warnings if chosen.looked_up and rare else complaints).append(line)
    return warnings, complaints
