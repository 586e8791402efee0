"""What clean_up.py is asked."""

from pathlib import Path

from pydantic import BaseModel

from ramify.training.inference_settings import InferenceOverrides
from ramify.training.names import AxisName, CheckpointName, DeviceName


class CleanUpSettings(BaseModel, frozen=True, extra="forbid"):
    """Of which run, and how its networks predict."""

    run: Path
    """Folder of a run, with its folds."""
    cases: Path | None = None
    """Folder of its prepared cases, where they are not where the training had them."""
    weights: CheckpointName = "best"
    """Which checkpoint of each fold: the one that is to predict."""
    device: DeviceName = "auto"
    """Where to compute."""
    inference: InferenceOverrides = InferenceOverrides()
    """Window and overlap, where they are to be others than the training's."""
    mirror: tuple[AxisName, ...] = ()
    """Axes of which mirrored copies are segmented, too, as for predict.py."""
    replace: bool = False
    """Replace a clean_up.json that Ramify did not write, or that was changed since; it is kept as
    clean_up.json.backup-1 (-2, ...)."""
