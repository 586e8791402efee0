"""A network that learned from phantoms, judged on a patient of 3D-IRCADb-01 beside filters that learn nothing.

    python -m benchmarks.real_ct --checkpoint RUN --cases PHANTOMS --root 3DIRCADB --output FOLDER

Inside the liver, against its veins. Filters are tuned on phantoms of the store given, as the network was; the last row
is what a perfect mask on the network's grid scores. Prints a table, and writes it with a picture of the errors into the
output, which must not lie in the project: the pictures show a patient.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from benchmarks.error_figure import error_figure
from benchmarks.vesselness import FILTERS, Labelled, tune, vessels_by
from ramify.command_line import parse, run
from ramify.console.progress import say
from ramify.data.adapters.opening import open_dataset
from ramify.data.adapters.settings import DatasetSettings
from ramify.data.case_store import open_store, read_case
from ramify.data.folds import SPLITS_FILE
from ramify.data.raw_case import RawCase
from ramify.disk.atomic_files import write_whole
from ramify.disk.json_files import read_json, write_json
from ramify.disk.outputs import Outputs
from ramify.drawing.figure_files import write_figure
from ramify.metrics.case import evaluate_case
from ramify.preprocessing.prepare import PreparedImage, checked_organ, prepare_image
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.training.names import NoiseSetting
from ramify.training.predictor import Predictor
from ramify.training.run_folder import find_checkpoints
from ramify.training.trained_network import read_network

MEASURES = ("dice", "cldice", "tprec", "tsens", "hd95_mm", "betti0_error")
CEILING = "ceiling of the grid"
Mask = NDArray[np.bool_]


class RealCtCommand(BaseModel, frozen=True, extra="forbid"):
    """What is judged, and on whom."""

    checkpoint: Path
    """A checkpoint of a training on phantoms: what predict.py takes."""
    cases: Path
    """The phantoms it was trained on; filters are tuned on those of fold 0 that validate."""
    root: Path
    """Folder of 3D-IRCADb-01."""
    case: str = "3Dircadb1.17"
    """The patient."""
    output: Path
    """Folder of table and pictures, outside the project."""
    noise: NoiseSetting = "auto"
    """As predict.py has it."""
    thresholds: tuple[float, ...] = ()
    """Judge the network from these probabilities on, too; what is chosen by that is chosen on this patient."""
    tuned_on: int = Field(3, ge=1)
    """Phantoms that filters are tuned on."""
    replace: bool = False
    """Replace files in the way that Ramify did not write, or that were changed since; each is kept as
    NAME.backup-1 (-2, ...)."""


def main(argv: Sequence[str] | None = None) -> None:
    command = parse(RealCtCommand, __doc__ or "", argv)
    if command.output.resolve().is_relative_to(Path(__file__).resolve().parents[1]):
        raise ValueError(f"--output {command.output}: lies in the project, which holds no patient; choose another")
    checkpoints = find_checkpoints(command.checkpoint, "best")
    settings = read_network(checkpoints[0]).preprocessing
    raw = checked_organ(opened(command), settings)
    with Outputs(command.cases, command.root, replace=command.replace) as outputs:
        outputs.claim_folder(command.output, "real_ct", ["table.md", "scores.json", "errors.png"])
        masks = masks_of(raw, checkpoints, settings, command)
        judge(raw, masks, command.output)


def opened(command: RealCtCommand) -> RawCase:
    """The patient."""
    asked = {"dataset": "ircadb", "root": command.root}
    return open_dataset(DatasetSettings.model_validate(asked)).load(command.case)


def masks_of(
    raw: RawCase, checkpoints: Sequence[Path], settings: PreprocessingSettings, command: RealCtCommand
) -> dict[str, Mask]:
    """What each method says, on the patient's own grid, by its name."""
    assert raw.organ is not None, "every case of 3D-IRCADb has a liver"
    predictor = Predictor(checkpoints, "cpu", noise=command.noise)
    prediction = predictor.predict(raw.images, raw.organ)
    name = "network" if prediction.noise is None else f"network ({prediction.noise.in_words()})"
    masks = {name: prediction.mask.array}
    for threshold in command.thresholds:
        masks[f"network, from {threshold:g} on"] = raw.organ.array & (prediction.probabilities.array >= threshold)
    prepared = prepare_image(raw.images, raw.organ, settings, raw.case_id)
    phantoms = phantoms_of(command)
    case = labelled(prepared.image[0], prepared.organ, None, settings, prepared.grid.spacing_mm)
    for method in FILTERS:
        began = time.perf_counter()
        tuned = tune(method, phantoms)
        found = vessels_by(method, tuned, case)
        say(
            f"{method}: {tuned.setting}, from {tuned.threshold:.4g} on, Dice {tuned.dice:.3f} on phantoms, "
            f"{time.perf_counter() - began:.0f} s"
        )
        masks[f"{method}, {tuned.setting}"] = _on_own_grid(found, prepared) & raw.organ.array
    perfect = prepared.grid.mask_to_prepared(raw.vessels.array & raw.organ.array)
    masks[CEILING] = _on_own_grid(perfect, prepared) & raw.organ.array
    return masks


def phantoms_of(command: RealCtCommand) -> list[Labelled]:
    """The phantoms that filters are tuned on."""
    splits, known = command.cases / SPLITS_FILE, open_store(command.cases)
    chosen = read_json(splits)[0]["val"] if splits.is_file() else known
    chosen = [*chosen, *(case_id for case_id in known if case_id not in chosen)][: command.tuned_on]
    found = []
    for case_id in chosen:
        case = read_case(command.cases, case_id)
        settings = PreprocessingSettings.model_validate(case.settings)
        organ, scales = np.asarray(case.arrays["organ"], bool), np.asarray(case.arrays["scales"])
        found.append(labelled(np.asarray(case.arrays["image"][0]), organ, scales > 0, settings, case.known.spacing_mm))
    return found


def labelled(
    image: NDArray[np.float32],
    organ: Mask | None,
    vessels: Mask | None,
    settings: PreprocessingSettings,
    spacing_mm: Sequence[float],
) -> Labelled:
    """A prepared image in HU again; filters take voxels as cubes, which 1 mm ones nearly are."""
    low, high = settings.intensity.window
    assert organ is not None, "cases are cropped to it"
    own = np.zeros(organ.shape, bool) if vessels is None else vessels
    return Labelled(low + image * np.float32(high - low), organ, own, float(np.mean(spacing_mm)))


def _on_own_grid(mask: Mask, prepared: PreparedImage) -> Mask:
    native: Mask = prepared.grid.to_native(mask.astype(np.float32)) >= 0.5
    return native


def judge(raw: RawCase, masks: dict[str, Mask], output: Path) -> None:
    """Scores of all masks, as a table, as JSON and as a picture."""
    assert raw.organ is not None, "as above"
    truth, organ = raw.vessels.array, raw.organ.array
    scores = {name: evaluate_case(mask, truth, raw.image.spacing_mm, region=organ) for name, mask in masks.items()}
    first = next(iter(scores.values()))
    shown = [*MEASURES, *(name for name in first if name.startswith("scale_") and name.endswith("_tsens"))]
    rows = ["| method | " + " | ".join(shown) + " |", "| --- |" + " --- |" * len(shown)]
    for name, row in scores.items():
        values = ("–" if row.get(measure) is None else f"{row[measure]:.3f}" for measure in shown)
        rows.append(f"| {name} | " + " | ".join(values) + " |")
    table = "\n".join(rows)
    print(table)
    write_whole(output / "table.md", table + "\n")
    write_json(output / "scores.json", scores)
    shown_masks = {name: mask for name, mask in masks.items() if name != CEILING}
    write_figure(error_figure(raw.image, truth & organ, organ, shown_masks), output / "errors.png")


if __name__ == "__main__":
    run(main)
