"""What a plain intensity threshold reaches: the least a network must beat.

    python -m benchmarks.threshold --cases CASES --input CTS --organ LIVERS --output MASKS

The one threshold with the best mean Dice inside the organ over the prepared training cases is applied to other CTs.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ramify.command_line import parse, run
from ramify.console.error_line import line_of
from ramify.console.progress import followed, say
from ramify.data.case_store import open_store, read_case
from ramify.data.channel_files import InputCase
from ramify.data.files import write_volume
from ramify.data.image_source import ImageSource
from ramify.data.input_reading import Inputs
from ramify.data.input_settings import InputSettings
from ramify.disk.outputs import Outputs
from ramify.preprocessing.organ_parts import main_parts
from ramify.preprocessing.plausibility import doubts_about_input
from ramify.preprocessing.prepare import prepare_image
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.processes.folder_lock import held

CANDIDATES = 200


class ThresholdCommand(InputSettings, frozen=True, extra="forbid"):
    """Where the threshold is chosen and where it is applied."""

    cases: Path
    """Prepared cases the threshold is chosen on."""
    output: Path
    """Folder of the masks."""
    replace: bool = False
    """Replace files in the way that Ramify did not write, or that were changed since; each is kept as
    NAME.backup-1 (-2, ...)."""


def main(argv: Sequence[str] | None = None) -> int:
    command = parse(ThresholdCommand, "Segment vessels by the best single intensity threshold inside the organ.", argv)
    trained_on = open_store(command.cases)
    records = [read_case(command.cases, case_id).record for case_id in trained_on]
    inputs = Inputs(command, ImageSource.of_records(records))
    for warning in inputs.warnings:
        say(f"warning: {warning}", error=True)
    outputs = Outputs(command.cases, *inputs.places, replace=command.replace)
    outputs.claim_folder(command.output, "predictions", [f"{case.case_id}.nii.gz" for case in inputs.cases])
    with held(command.output, "threshold.py"):
        threshold = best_threshold(command.cases, trained_on)
        settings = PreprocessingSettings.model_validate(records[0]["settings"])
        failed = 0
        for case in followed(inputs.cases, "threshold", "case"):
            try:
                segment(case, inputs, threshold, settings, command.output)
            except (ValueError, OSError, MemoryError) as error:
                # One bad case must not cost the others.
                failed += 1
                say(f"error: {case.case_id}: {line_of(error)}", error=True)
    print(f"threshold {threshold:.3f} of the prepared intensities; masks in {command.output}")
    return 1 if failed else 0


def segment(case: InputCase, inputs: Inputs, threshold: float, settings: PreprocessingSettings, folder: Path) -> None:
    """Write the mask of a case: what lies above the threshold, inside its organ if it has one."""
    images, organ, notes = inputs.read(case)
    image = next(iter(images.values()))
    if organ is not None:
        organ = main_parts(organ, settings.least_organ_part)
    doubts = doubts_about_input(images, organ, settings.rules(images), settings.organ_ml)
    for note in (*notes, *doubts):
        say(f"warning: {case.case_id}: {note}", error=True)
    prepared = prepare_image(images, organ, settings, str(case.path))
    mask = prepared.grid.to_native((prepared.image[0] >= threshold).astype(np.float32)) >= 0.5
    if organ is not None:
        mask &= organ.array
    write_volume(folder / f"{case.case_id}.nii.gz", image.with_array(mask))


def best_threshold(store: Path, case_ids: Sequence[str]) -> float:
    """The prepared intensity from which on voxels of the organ count as vessel, with the best mean Dice."""
    inside = []
    for case_id in case_ids:
        arrays = read_case(store, case_id).arrays
        organ = np.asarray(arrays["organ"], dtype=bool)
        inside.append((np.asarray(arrays["image"][0])[organ], np.asarray(arrays["scales"])[organ] > 0))
    intensities = np.concatenate([values for values, _ in inside])
    candidates = np.unique(np.quantile(intensities, np.linspace(0, 1, CANDIDATES)))
    scores = np.mean([dice_above(values, vessels, candidates) for values, vessels in inside], axis=0)
    return float(candidates[int(np.argmax(scores))])


def dice_above(values: np.ndarray, vessels: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Dice of `values >= t` (N,) against the vessels, bool (N,), for each candidate t."""
    above = len(values) - np.searchsorted(np.sort(values), candidates)
    of_vessels = values[vessels]
    shared = len(of_vessels) - np.searchsorted(np.sort(of_vessels), candidates)
    return 2 * shared / np.maximum(above + len(of_vessels), 1)


if __name__ == "__main__":
    run(main)
