"""Segment the vessels of CTs with a trained network.

    python predict.py --checkpoint runs/paper/fold_0 --input ct.nii.gz --organ liver.nii.gz --output predictions
    python predict.py --checkpoint runs/paper --input PATIENT_DICOM --organ MASKS_DICOM/liver --output predictions
    python predict.py --checkpoint runs/paper --input imagesTs --organ livers --output predictions

Writes CASE.nii.gz (mask) and CASE_probabilities.nii.gz on the grid of the CT. Settings: `python predict.py --help`.
"""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from command_line import describe, parse, run
from console.progress import followed, say
from data.files import read_image_or_series, write_volume
from data.inputs import InputCase, find_inputs, read_organ
from training.checkpoint import CheckpointName
from training.device import DeviceName
from training.inference import InferenceOverrides
from training.predictor import Predictor
from training.run_folder import find_checkpoint


class PredictSettings(BaseModel, frozen=True, extra="forbid"):
    """What to segment, with which network."""

    checkpoint: Path
    """Folder of a run or of one fold, or a checkpoint file."""
    input: Path
    """CT: a volume file, a DICOM folder, or a folder of volume files."""
    output: Path
    """Folder for the masks and probabilities."""
    organ: Path | None = None
    """Organ mask: a file, a DICOM folder, or a folder with one mask a case, named as the CTs."""
    weights: CheckpointName = "best"
    """Which checkpoint of a run: the best on validation, the final or the latest one."""
    probabilities: bool = True
    """Write the probabilities beside the mask."""
    resample_masks: bool = False
    """Bring organ masks that lie on another grid onto the CT's, in physical space."""
    device: DeviceName = "auto"
    """Where to compute."""
    inference: InferenceOverrides = InferenceOverrides()
    """Window and overlap, where they are to be others than the training's."""


def main(argv: Sequence[str] | None = None) -> int:
    settings = parse(PredictSettings, "Segment the vessels of CTs with a trained network.", argv)
    cases = find_inputs(settings.input)
    predictor = Predictor(find_checkpoint(settings.checkpoint, settings.weights), settings.device, settings.inference)
    if settings.organ is None and predictor.needs_organ():
        say("no --organ given: the whole volume is segmented, at the voxel size the network was trained on")
    failed = 0
    for case in followed(cases, "predict", "case"):
        try:
            predict_case(case, predictor, settings)
        except (ValueError, OSError) as error:
            # One bad case must not cost the others.
            failed += 1
            say(f"error: {case.case_id}: {describe(error)}", error=True)
    print(f"{len(cases) - failed} of {len(cases)} cases segmented, masks in {settings.output}")
    return 1 if failed else 0


def predict_case(case: InputCase, predictor: Predictor, settings: PredictSettings) -> None:
    """Segment one CT and write its mask."""
    image = read_image_or_series(case.path)
    organ = read_organ(settings.organ, case, image, resample=settings.resample_masks)
    prediction = predictor.predict(image, organ, str(case.path))
    if settings.probabilities:
        write_volume(settings.output / f"{case.case_id}_probabilities.nii.gz", prediction.probabilities)
    write_volume(settings.output / f"{case.case_id}.nii.gz", prediction.mask)


if __name__ == "__main__":
    run(main)
