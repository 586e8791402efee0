"""An optimiser over a network's weights: which of them decay, and how its state of an earlier form is read."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

from ramify.training.resumption import check_optimiser
from ramify.training.settings import TrainSettings

DECAYED, KEPT = "kernels", "norms, biases, slopes and others"


def build_optimiser(network: nn.Module, train: TrainSettings) -> torch.optim.Optimizer:
    """The optimiser of two groups of weights: kernels of convolutions and linear layers, which decay, and all others.

    A norm's scale, a bias or a PReLU's slope drawn towards 0 changes what the network computes rather than how large
    its numbers are.
    """
    kernels = {
        id(module.weight) for module in network.modules() if isinstance(module, _ConvNd | nn.Linear | nn.Bilinear)
    }
    weights = list(network.parameters())
    groups = [
        {
            "name": DECAYED,
            "params": [each for each in weights if id(each) in kernels],
            "weight_decay": train.weight_decay,
        },
        {"name": KEPT, "params": [each for each in weights if id(each) not in kernels], "weight_decay": 0.0},
    ]
    if train.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=train.learning_rate, momentum=train.momentum, nesterov=train.momentum > 0)
    return torch.optim.AdamW(groups, lr=train.learning_rate)


def load_optimiser(optimiser: torch.optim.Optimizer, network: nn.Module, state: Mapping[str, Any]) -> None:
    """Put back the state of an optimiser that `build_optimiser` built for the same network.

    Checkpoints from before there were groups have all weights in one. Without weight decay that is the same training.

    Raises:
        ValueError: in the checkpoint everything decayed, norms and biases too: it cannot go on as what it was. Or its
            state is not that of these weights.
    """
    saved = list(state["param_groups"])
    if len(saved) == 1:
        if saved[0]["weight_decay"]:
            raise ValueError(
                "this training began when train.weight_decay held for norms, biases and PReLU slopes too, and cannot "
                "go on as what it was; start again with another --output"
            )
        state = _in_groups(optimiser, network, state)
    check_optimiser(optimiser, state)
    optimiser.load_state_dict(dict(state))


def _in_groups(optimiser: torch.optim.Optimizer, network: nn.Module, state: Mapping[str, Any]) -> dict[str, Any]:
    """The state of an optimiser with one group, its weights numbered as in these groups."""
    old_number = {id(weight): number for number, weight in enumerate(network.parameters())}
    in_order = [weight for group in optimiser.param_groups for weight in group["params"]]
    of_weights = {
        new: state["state"][old_number[id(weight)]]
        for new, weight in enumerate(in_order)
        if old_number[id(weight)] in state["state"]
    }
    return {"state": of_weights, "param_groups": optimiser.state_dict()["param_groups"]}
