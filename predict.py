"""Segment the vessels of CTs with a trained network.

    python predict.py --checkpoint runs/paper/fold_0 --input ct.nii.gz --organ liver.nii.gz --output predictions
    python predict.py --checkpoint runs/paper --input PATIENT_DICOM --organ MASKS_DICOM/liver --output predictions
    python predict.py --checkpoint runs/paper --input PATIENTS --organ 'PATIENTS/{case}/MASKS_DICOM/liver' --output out
    python predict.py --checkpoint runs/paper --input imagesTs --organ livers --output predictions
    python predict.py --checkpoint runs/paper --input ct.nii.gz --organ total.nii.gz --organ-labels 5 --output masks
    python predict.py --checkpoint runs/paper --held-out --output held_out

The folds of a run (runs/paper) predict together: their probabilities are averaged, in as many times the time of one.
With --held-out the run's own cases are segmented, each by the network of the fold that did not see it: masks to score.

Writes CASE.nii.gz (mask) and CASE_probabilities.nii.gz on the grid of the CT. Of a network that tells classes or
regions apart, the mask is a label map with the values that the training's labels had, and dataset.json and labels.ctbl
(a colour table of 3D Slicer) say which value is which; --class-probabilities writes CASE_NAME_probabilities.nii.gz of
each, --uncertainty CASE_uncertainty.nii.gz. What clean_up.py has learned of a run is obeyed in masks, and stands
beside them in clean_up.json. More in docs/training.md and docs/data.md.
"""

from collections.abc import Sequence

from ramify.command_line import parse, run
from ramify.training.prediction_settings import PredictSettings


def main(argv: Sequence[str] | None = None) -> int:
    settings = parse(PredictSettings, __doc__, argv)
    # What does the work is loaded once the settings are right: it takes seconds.
    from ramify.stages.predict import predict

    return predict(settings)


if __name__ == "__main__":
    run(main)
