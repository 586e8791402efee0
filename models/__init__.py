"""Networks: a shared encoder, one decoder a task, projection heads, and the baselines from the same blocks."""

from models.baselines import ResUNet
from models.build import build_inference_network, build_network, load_weights, main_network, place_network
from models.multi_task import MultiTaskResUNet
from models.outputs import FORMULATIONS, Formulation, TaskOutputs, main_probability, task_probabilities
from models.settings import ModelSettings

__all__ = [
    "FORMULATIONS",
    "Formulation",
    "ModelSettings",
    "MultiTaskResUNet",
    "ResUNet",
    "TaskOutputs",
    "build_inference_network",
    "build_network",
    "load_weights",
    "main_network",
    "main_probability",
    "place_network",
    "task_probabilities",
]
