"""One training: settings, run folder, loop, checkpoints, tracking, inference, prediction."""

from typing import TYPE_CHECKING

from ramify.public_names import loaded_when_asked_for

if TYPE_CHECKING:
    from ramify.training.checkpoint import load_checkpoint
    from ramify.training.inference import infer
    from ramify.training.inference_settings import InferenceSettings
    from ramify.training.loop import train_run
    from ramify.training.predictor import Prediction, Predictor
    from ramify.training.run_folder import find_checkpoint, find_checkpoints
    from ramify.training.settings import RunSettings, TrainSettings, ValidationSettings
else:
    __getattr__, __dir__ = loaded_when_asked_for(__name__)

__all__ = [
    "InferenceSettings",
    "Prediction",
    "Predictor",
    "RunSettings",
    "TrainSettings",
    "ValidationSettings",
    "find_checkpoint",
    "find_checkpoints",
    "infer",
    "load_checkpoint",
    "train_run",
]
