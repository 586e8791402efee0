"""What was drawn of a case as NIfTI on its image's own grid: the truth and the organ that evaluate.py takes."""

from pathlib import Path

import numpy as np

from ramify.data.files import write_volume
from ramify.data.label_names import DESCRIPTION
from ramify.data.raw_case import RawCase
from ramify.data.volume import Volume
from ramify.disk.json_files import write_json
from ramify.disk.own_files import remove
from ramify.tasks.class_table import IGNORED, ClassTable

TRUTH_FOLDER, ORGANS_FOLDER = "masks/truth", "masks/organs"


def truth_file(case_id: str) -> str:
    """Where the truth of a case lies, seen from its store."""
    return f"{TRUTH_FOLDER}/{case_id}.nii.gz"


def organ_file(case_id: str) -> str:
    """Where the organ of a case lies, seen from its store; a case without one has none."""
    return f"{ORGANS_FOLDER}/{case_id}.nii.gz"


def write_masks(store: Path, raw: RawCase) -> None:
    """Write the vessels of a case as they were drawn, or its classes as a label map, and its organ if it has one.

    Raises OSError or ValueError that names a file which cannot be written.
    """
    if raw.organ is not None:
        write_volume(store / organ_file(raw.case_id), raw.organ)
    # The truth last: where it is, the organ is, too.
    write_volume(store / truth_file(raw.case_id), _truth(raw))


def _truth(raw: RawCase) -> Volume:
    """With the values that a prediction of such classes has."""
    if raw.classes is None:
        return raw.vessels
    values = np.zeros(IGNORED + 1, np.int32)
    written = raw.table.written_values()
    values[: len(written)] = written
    values[IGNORED] = raw.table.ignore or 0
    return raw.classes.with_array(values[raw.classes.array])


def describe_masks(store: Path, table: ClassTable) -> None:
    """Write what the values of the truths are called, as nnU-Net does; nothing where they are masks."""
    if table.is_single:
        return
    labels = dict(zip(("background", *table.names), table.written_values(), strict=True))
    if table.ignore is not None:
        labels["ignore"] = table.ignore
    write_json(store / TRUTH_FOLDER / DESCRIPTION, {"labels": labels})


def remove_masks(store: Path, case_id: str) -> None:
    """Remove those of a case that is to be made anew, or dropped."""
    remove(store / truth_file(case_id))
    remove(store / organ_file(case_id))
