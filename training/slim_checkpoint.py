"""A checkpoint with what prediction needs alone: the network's main path, and how images are prepared for it."""

from pathlib import Path
from typing import Any

import torch

from ramify.models.settings import ContrastHeadSettings
from ramify.training.checkpoint_record import Checkpoint
from ramify.training.trained_network import ReadNetwork

MOST_BYTES = 10_000_000
"""Of weights in float32; larger ones are kept in float16, whose 11 bits prediction hardly feels."""
_KEPT = ("preprocessing", "classes", "channels", "network", "prepared", "orientation", "source")


def slim(read: ReadNetwork) -> dict[str, Any]:
    """What `save_checkpoint` writes of a trained network for prediction alone.

    There is no optimiser and no history, no auxiliary task, no name of a case and no path of the training. A training
    can start from it, and none can go on.
    """
    state: Checkpoint = read.state
    model = read.settings.model
    bare = {
        "tasks": model.tasks.model_copy(update={"auxiliary": "none"}),
        "contrast": ContrastHeadSettings(),
        "embedding_channels": None,
        "deep_supervision": 0,
        "checkpoint_activations": False,
        "auxiliary_halvings": 0,
        "auxiliary_width": 1.0,
    }
    paths = {"cases": Path("cases"), "output": Path("run"), "splits": None, "start_from": None}
    settings = read.settings.model_copy(update={**paths, "model": model.model_copy(update=bare)})
    weights = read.network.state_dict()
    bytes_of_all = sum(tensor.numel() * tensor.element_size() for tensor in weights.values())
    if bytes_of_all > MOST_BYTES:
        weights = {name: _halved(tensor) for name, tensor in weights.items()}
    kept = {key: state[key] for key in _KEPT if key in state}  # type: ignore[literal-required]
    return {**kept, "config": settings.model_dump(mode="json"), "model": weights, "epoch": state["epoch"]}


def _halved(tensor: torch.Tensor) -> torch.Tensor:
    """In float16, if it is a kernel; what is small may reach beyond the range of that."""
    return tensor.half() if tensor.is_floating_point() and tensor.ndim > 1 else tensor
