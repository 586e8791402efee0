"""Networks: the multi-task one of the method, its baselines from the same blocks, and others to compare with."""

from models.baselines import ResUNet
from models.build import build_inference_network, build_network, load_weights, place_network
from models.fcn import FCN
from models.multi_task import MultiTaskResUNet
from models.network import Network
from models.outputs import FORMULATIONS, Formulation, TaskOutputs, main_probability, task_probabilities
from models.settings import ModelSettings
from models.unet import UNet

__all__ = [
    "FCN",
    "FORMULATIONS",
    "Formulation",
    "ModelSettings",
    "MultiTaskResUNet",
    "Network",
    "ResUNet",
    "TaskOutputs",
    "UNet",
    "build_inference_network",
    "build_network",
    "load_weights",
    "main_probability",
    "place_network",
    "task_probabilities",
]
