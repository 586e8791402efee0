"""What a plain intensity threshold reaches: the least a network must beat.

    python -m benchmarks.threshold --cases CASES --input CTS --organ LIVERS --output MASKS

The one threshold with the best mean Dice inside the organ over the prepared training cases is applied to other CTs.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from command_line import parse, run
from console.progress import followed
from data.case_store import open_store, read_case
from data.files import read_image_or_series, write_volume
from data.inputs import find_inputs, read_organ
from data.outputs import Outputs
from preprocessing.organ_parts import main_parts
from preprocessing.prepare import PreprocessingSettings, prepare_image

CANDIDATES = 200


class ThresholdCommand(BaseModel, frozen=True, extra="forbid"):
    """Where the threshold is chosen and where it is applied."""

    cases: Path
    """Prepared cases the threshold is chosen on."""
    input: Path
    """CTs to segment."""
    organ: Path
    """Their organ masks; nothing outside is vessel."""
    output: Path
    """Folder of the masks."""
    replace: bool = False
    """Replace files in the way that Ramify did not write, or that were changed since; each is kept as
    NAME.backup-1 (-2, ...)."""


def main() -> None:
    command = parse(ThresholdCommand, "Segment vessels by the best single intensity threshold inside the organ.")
    cases = find_inputs(command.input)
    outputs = Outputs(command.cases, command.input, command.organ, replace=command.replace)
    outputs.claim_folder(command.output, "predictions", [f"{case.case_id}.nii.gz" for case in cases])
    threshold = best_threshold(command.cases, open_store(command.cases))
    first = read_case(command.cases, open_store(command.cases)[0])
    settings = PreprocessingSettings.model_validate(first.settings)
    for case in followed(find_inputs(command.input), "threshold", "case"):
        image = read_image_or_series(case.path)
        organ = read_organ(command.organ, case, image, resample=False)
        if organ is not None:
            organ = main_parts(organ, settings.least_organ_part)
        prepared = prepare_image(image, organ, settings, str(case.path))
        inside = np.ones(prepared.image.shape, bool) if prepared.organ is None else prepared.organ
        above = (prepared.image >= threshold) & inside
        mask = prepared.grid.to_native(above.astype(np.float32)) >= 0.5
        write_volume(command.output / f"{case.case_id}.nii.gz", image.with_array(mask))
    print(f"threshold {threshold:.3f} of the prepared intensities; masks in {command.output}")


def best_threshold(store: Path, case_ids: Sequence[str]) -> float:
    """The prepared intensity from which on voxels of the organ count as vessel, with the best mean Dice."""
    inside = []
    for case_id in case_ids:
        arrays = read_case(store, case_id).arrays
        organ = np.asarray(arrays["organ"], dtype=bool)
        inside.append((np.asarray(arrays["image"])[organ], np.asarray(arrays["scales"])[organ] > 0))
    intensities = np.concatenate([values for values, _ in inside])
    candidates = np.unique(np.quantile(intensities, np.linspace(0, 1, CANDIDATES)))
    scores = np.mean([_dice_above(values, vessels, candidates) for values, vessels in inside], axis=0)
    return float(candidates[int(np.argmax(scores))])


def _dice_above(values: np.ndarray, vessels: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Dice of `values >= t` against the vessels for each rising candidate t."""
    above = len(values) - np.searchsorted(np.sort(values), candidates)
    of_vessels = values[vessels]
    shared = len(of_vessels) - np.searchsorted(np.sort(of_vessels), candidates)
    return 2 * shared / np.maximum(above + len(of_vessels), 1)


if __name__ == "__main__":
    run(main)
