"""The masks of a validation as a user looks at them: on the grids of the images they were prepared from."""

from collections.abc import Mapping

import numpy as np

from ramify.data.case_store import read_case
from ramify.data.files import write_volume
from ramify.data.volume import Volume
from ramify.disk.atomic_files import write_whole
from ramify.preprocessing.grid import Grid
from ramify.training.legend import legend_of
from ramify.training.segmentation import ClassMap, in_values
from ramify.training.state import Training
from ramify.training.validation import ValidatedCase

FOLDER = "validation"


def write_validation_masks(training: Training, cases: Mapping[str, ValidatedCase]) -> None:
    """Write what a validation predicted as CASE.nii.gz each, over that of the one before, with the values and the
    legend that predict.py gives.

    They lie over their images in any viewer. A mask that was brought back from the prepared grid may differ from
    predict.py's along its surface, where that brings probabilities back.

    Raises ValueError where the cases do not say their grids, OSError where a file cannot be written.
    """
    folder, tasks = training.folder.root / FOLDER, training.runner.tasks
    for name, content in legend_of(tasks).items():
        write_whole(folder / name, content)
    for case_id, case in cases.items():
        assert case.predicted is not None, "kept where masks are asked for"
        record = read_case(training.settings.cases, case_id).record
        if "grid" not in record:
            raise ValueError(f"{case_id}: was prepared without its grid; run preprocess.py again")
        grid = Grid.from_dict(record["grid"])
        native = _to_native(case.predicted, grid)
        values = tasks.written_values
        labels = native > 0 if values is None else in_values(native, values)
        place = (grid.native_spacing_mm, grid.native_origin_mm, grid.native_direction)
        write_volume(folder / f"{case_id}.nii.gz", Volume(labels, *place))


def _to_native(class_map: ClassMap, grid: Grid) -> ClassMap:
    """A class map (*S) in the full native grid (*native S): each class by itself, a later one over an earlier one."""
    native = np.zeros(grid.native_shape, dtype=np.uint8)
    for number in np.unique(class_map[class_map > 0]):
        native[grid.mask_to_native(class_map == number)] = number
    return native
