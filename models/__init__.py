"""Networks: the multi-task one of the method, its baselines from the same blocks, and others to compare with."""

from typing import TYPE_CHECKING

from ramify.public_names import loaded_when_asked_for

if TYPE_CHECKING:
    from ramify.models.baselines import ResUNet
    from ramify.models.build import build_inference_network, build_network, load_weights, place_network
    from ramify.models.fcn import FCN
    from ramify.models.multi_task import MultiTaskResUNet
    from ramify.models.network import Network
    from ramify.models.outputs import TaskOutputs, main_probabilities, task_probabilities
    from ramify.models.settings import ContrastHeadSettings, ModelSettings
    from ramify.models.unet import UNet
else:
    __getattr__, __dir__ = loaded_when_asked_for(__name__)

__all__ = [
    "FCN",
    "ContrastHeadSettings",
    "ModelSettings",
    "MultiTaskResUNet",
    "Network",
    "ResUNet",
    "TaskOutputs",
    "UNet",
    "build_inference_network",
    "build_network",
    "load_weights",
    "main_probabilities",
    "place_network",
    "task_probabilities",
]
