"""What export.py is asked."""

from pathlib import Path

from pydantic import BaseModel

from ramify.training.names import CheckpointName


class ExportCommand(BaseModel, frozen=True, extra="forbid"):
    """Which network to write, and as what."""

    checkpoint: Path
    """Folder of a run or of one fold, a checkpoint file, or the name of weights that come with Ramify."""
    weights: CheckpointName = "best"
    """Which checkpoint of a run: the best on validation, the final or the latest one."""
    onnx: Path | None = None
    """File for the network as ONNX."""
    bundle: Path | None = None
    """Folder for a MONAI bundle; its name is the bundle's."""
    slim: Path | None = None
    """File for the checkpoint with what prediction needs alone, in float16 where it would have more than 10 MB."""
    replace: bool = False
    """Replace files in the way that Ramify did not write, or that were changed since; each is kept as
    NAME.backup-1 (-2, ...)."""
