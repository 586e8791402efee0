"""The prepared cases of a store as a table, a row a case, and what of their classes asks for a look."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ramify.data.case_store import read_record
from ramify.preprocessing.ceiling import ceiling_measures

CEILING = "a perfect mask scores Dice, clDice, HD95 (mm), Tsens by scale"
"""Heading of what a case's grid costs."""


def table_of_prepared(store: Path, case_ids: Sequence[str]) -> Iterator[str]:
    """A row for each case, and below it what is worth knowing about its classes and scales."""
    width = max(len(case_id) for case_id in case_ids)
    yield f"{'case':<{width}}  {'vessel voxels':>13}  {'branches':>8}  {'thresholds (mm)':<17}  {CEILING}"
    for case_id in case_ids:
        record = read_record(store, case_id)
        thresholds = ", ".join(f"{value:.3f}" for value in record["scales"]["thresholds_mm"]) or "-"
        voxels, branches = record["prepared_voxels"]["vessels"], len(record["scales"]["radii_mm"])
        row = f"{case_id:<{width}}  {voxels:>13,}  {branches:>8,}  {thresholds:<17}  {_written_ceiling(record)}"
        yield row.rstrip()
        if classes := _written_classes(record):
            yield f"{'':<{width}}  voxels: {classes}"
        yield from (f"{'':<{width}}  note: {note}" for note in record["scales"]["notes"])


def classes_nowhere(store: Path, case_ids: Sequence[str]) -> tuple[list[str], list[str]]:
    """A line for each class without a voxel in any prepared case: warnings, and complaints.

    A class that none of several cases has drawn is a complaint, as of an evaluation and an analysis. One that is drawn
    outside the organ alone is a warning, since its values are right, and so is any of a single case.
    """
    drawn, prepared = Counter[str](), Counter[str]()
    for case_id in case_ids:
        for its in read_record(store, case_id).get("class_voxels", ()):
            drawn[its["name"]] += its["native_voxels"]
            prepared[its["name"]] += its["voxels"]
    warnings, complaints = list[str](), list[str]()
    for name in (name for name, count in prepared.items() if not count):
        why = (
            f"all {drawn[name]:,} that are drawn lie outside the organ; name its values among the organ's, too"
            if drawn[name]
            else "are its values right?"
        )
        several = not drawn[name] and len(case_ids) > 1
        (complaints if several else warnings).append(f"class {name}: no prepared case has a voxel of it; {why}")
    return warnings, complaints


def _written_ceiling(record: Mapping[str, Any]) -> str:
    """What a perfect mask scores, in the order of CEILING; nothing without a vessel, or of an older version."""
    if record.get("ceiling") is None:
        return ""
    values = [record["ceiling"][name] for name in ceiling_measures(record["scales"]["count"])]
    return "  ".join("-" if value is None else f"{value:.3f}" for value in values)


def _written_classes(record: Mapping[str, Any]) -> str:
    """The voxels of each class on the prepared grid; nothing where vessels are all there is."""
    if "class_voxels" not in record:
        return ""
    counts = {its["name"]: its["voxels"] for its in record["class_voxels"]}
    if ignored := record["ignored_voxels"]["voxels"]:
        counts["(ignored)"] = ignored
    return ", ".join(f"{name} {voxels:,}" for name, voxels in counts.items())
