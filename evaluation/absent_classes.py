"""Classes that no prediction has, or no file at all: a label that was written otherwise looks like a bad method."""

from collections.abc import Mapping
from typing import Any

from ramify.metrics.classes import ClassSet


def absent_classes(report: Mapping[str, Any], chosen: ClassSet) -> tuple[list[str], list[str]]:
    """What is odd about the classes of an evaluation: warnings, and complaints, a line each.

    A class in truths and in no prediction is a warning. One in no file is a complaint where the user named it, and a
    warning where it comes from a table or a data set, of which few cases may lack a rare vessel.

    Args:
        report: what `metrics.table.build_report` gives.
        chosen: the classes.
    """
    warnings: list[str] = []
    complaints: list[str] = []
    for one in chosen.classes:
        counts = report["classes"][one.name]["summary"]["counts"]
        cases, nowhere = counts["cases"], counts["both_empty"]
        what = f"class {one.name} (label {' or '.join(map(str, one.labels))})"
        if cases and nowhere == cases:
            line = f"{what}: no voxel of it counts in any truth or prediction; are its labels right?"
            (warnings if chosen.looked_up else complaints).append(line)
        elif counts["missed"] and counts["missed"] + nowhere == cases:
            warnings.append(
                f"{what}: in {counts['missed']} of {cases} truths and in no prediction; is its label right?"
            )
    return warnings, complaints
