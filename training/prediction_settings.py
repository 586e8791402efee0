"""What predict.py is asked."""

from pathlib import Path
from typing import Self

from pydantic import model_validator

from ramify.data.case_choice import CaseChoice
from ramify.data.input_settings import InputSettings
from ramify.essential import Essential
from ramify.processes.crew_settings import CrewSettings
from ramify.training.inference_settings import InferenceOverrides
from ramify.training.names import AxisName, CheckpointName, DeviceName, NoiseSetting, PrecisionName

# What is read is known by its content; where and in which order it is done changes no mask.
_MASKS_DO_NOT_HANG_ON = {
    *("checkpoint", "weights", "input", "organ", "held_out", "cases", "output", "replace", "resume"),
    *("device", "read_ahead", *CrewSettings.model_fields, *CaseChoice.model_fields),
}


class PredictSettings(CrewSettings, CaseChoice, InputSettings, frozen=True, extra="forbid"):
    """What to segment, with which network."""

    checkpoint: Path
    """A checkpoint file, the folder of one fold, of a run, or of several runs, or the name of weights that come with
    Ramify (docs/weights.md). Networks of several folds are averaged; each takes its own time."""
    output: Path
    """Folder for the masks and probabilities."""
    held_out: Essential[bool] = False
    """Predict the cases of the run itself in place of --input: each from its image, by the network of the fold that
    held it out. Their masks can be scored. A test set (folds.test) is in no fold: its images are --input."""
    cases: Path | None = None
    """Folder of the run's prepared cases for --held-out, where they are not where the training had them."""
    weights: CheckpointName | None = None
    """Which checkpoint of a run: the best on validation, the final or the latest one. Without it the best, and with
    --held-out the final, since those cases have chosen the best."""
    probabilities: Essential[bool] = True
    """Write the probabilities of vessel beside the mask."""
    class_probabilities: Essential[bool] = False
    """Write those of each class or region, too."""
    uncertainty: Essential[bool] = False
    """Write how far the folds' networks and mirrored copies lie apart: the standard deviation of their probabilities,
    0 to 0.5, of several classes the largest."""
    device: Essential[DeviceName] = "auto"
    """Where to compute."""
    precision: PrecisionName | None = None
    """Of the networks' arithmetic, where it is to be another than the training's; auto: bfloat16 on CUDA where the GPU
    has it (else float16), else float32."""
    read_ahead: bool = True
    """Read the next CT of several while one is segmented; it takes the memory of one more CT as it is read."""
    inference: InferenceOverrides = InferenceOverrides()
    """Window and overlap, where they are to be others than the training's."""
    noise: Essential[NoiseSetting] = "auto"
    """Smooth each CT before: auto brings noise that is stronger than any of the training down to that, where the
    network says what it knows, and writes CASE_noise.json; a number is the Gaussian's standard deviation in mm; off."""
    mirror: Essential[tuple[AxisName, ...]] = ()
    """Axes (z y x: towards head, back, left) of which mirrored copies are segmented, too, and averaged: one axis takes
    2 times the time, two take 4, three take 8. Left and right classes change places as by the training's
    augmentation.flip_swaps."""
    resume: Essential[bool] = False
    """Leave out the cases whose masks are in --output: as they were written, and made of the same files by the same
    networks, asked for in the same way of the same versions of the code."""
    clean_up: bool = True
    """Clean masks up as clean_up.py has learned for the run, if it has; probabilities stay as they are."""
    replace: Essential[bool] = False
    """Replace files in the way that Ramify did not write, or that were changed since; each is kept as
    NAME.backup-1 (-2, ...)."""

    @model_validator(mode="after")
    def _says_which_images(self) -> Self:
        if not self.held_out:
            if self.input is None:
                raise ValueError("--input PATH: missing; the CTs to segment, or --held-out for the run's own cases")
            if self.cases is not None:
                raise ValueError("--cases: goes with --held-out; leave it out")
            return self
        for name in ("input", "series", "channels", "spacing_mm"):
            if getattr(self, name):
                flag = name.replace("_", "-")
                raise ValueError(f"--{flag}: --held-out reads the cases as they were prepared; leave one of them out")
        return self

    @property
    def chosen_weights(self) -> CheckpointName:
        """Which checkpoint of a run is meant."""
        return self.weights or ("final" if self.held_out else "best")

    def asked(self) -> dict[str, object]:
        """What masks hang on beside networks and files, as plain data."""
        # Fewer windows at once are the remedy where memory runs out, after which a command is to go on.
        left_out = dict.fromkeys(_MASKS_DO_NOT_HANG_ON, True) | {"inference": {"windows_at_once"}}
        return self.model_dump(mode="json", exclude=left_out)
