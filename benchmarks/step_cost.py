"""What a training step takes, in time and memory, by network and patch: the table of docs/faq.md.

    python -m benchmarks.step_cost --patches 32 64
    python -m benchmarks.step_cost --device cuda --patches 64 96 128 192

A step is forward, loss, backward and update, of one patch, in float32. On the CPU time is that of one core, however
busy the others are, and memory the growth of the process; on CUDA what torch has given out. Each is measured in a
process of its own. A dash stands where a network cannot halve a patch so often, or memory ends.
"""

import time
from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
from pydantic import BaseModel

from benchmarks.cost import cost_of, in_own_process
from benchmarks.training_step import training_step
from ramify.command_line import parse, run
from ramify.losses.settings import LossSettings
from ramify.models.build import build_network
from ramify.models.network import Network
from ramify.models.settings import ModelSettings

N_SCALES = 3
PLAIN = {"foreground_weight": 1.0, "lambda_scales": [1.0], "lambda_contrastive": 0.0}
PAPER_LOSS = {"foreground_weight": 1.0, "lambda_scales": [0.78, 0.48, 0.54], "lambda_contrastive": 0.53}


class Setup(NamedTuple):
    """A network and its loss, as plain settings."""

    model: Mapping[str, object]
    loss: Mapping[str, object]


BINARY = {"tasks": {"auxiliary": "none"}}
SETUPS = {
    "resunet, 3 levels, base 8": Setup({**BINARY, "levels": 3, "base_channels": 8}, PLAIN),
    "resunet, 5 levels, base 8": Setup(BINARY, PLAIN),
    "the same, a task a scale and the paper's contrast": Setup({"contrast": {"head": "per_scale"}}, PAPER_LOSS),
    "unet": Setup({**BINARY, "network": "unet"}, PLAIN),
    "nnunet_plain": Setup({**BINARY, "network": "nnunet_plain"}, PLAIN),
}


class StepCostCommand(BaseModel, frozen=True, extra="forbid"):
    """What to measure."""

    patches: tuple[int, ...] = (32, 64)
    """Sides of the patches, voxels."""
    networks: tuple[str, ...] = tuple(SETUPS)
    """Which rows."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where."""
    repeats: int = 3
    """Steps, of which the median is taken."""


def main() -> None:
    """Measure and print a table in Markdown."""
    command = parse(StepCostCommand, __doc__)
    if unknown := sorted(set(command.networks) - set(SETUPS)):
        raise ValueError(f"--networks: no {unknown[0]!r}; there are {', '.join(map(repr, SETUPS))}")
    heads = [f"{side}³" for side in command.patches]
    print(f"| network, parameters | {' | '.join(heads)} |\n|{' --- |' * (len(heads) + 1)}")
    for name in command.networks:
        cells = [
            in_own_process(measured, SETUPS[name], side, command.device, command.repeats) for side in command.patches
        ]
        print(f"| {name}, {millions(SETUPS[name])} | {' | '.join(cells)} |", flush=True)


def measured(setup: Setup, side: int, device: str, repeats: int) -> str:
    """Time and memory of a step of a patch of that side, in words."""
    model, loss = ModelSettings.model_validate(setup.model), LossSettings.model_validate(setup.loss)
    multiple = max(network_of(setup).size_multiples)
    # One voxel at the deepest level is nothing that a batch norm can take the spread of.
    if side % multiple or side == multiple:
        return "–"
    try:
        step = training_step(model, loss, N_SCALES, (side, side, side), 1, device)
        begun = time.process_time()
        cost = cost_of(step, repeats, device)
        seconds = cost.seconds if device == "cuda" else (time.process_time() - begun) / repeats
    except torch.cuda.OutOfMemoryError:
        return "–"
    return f"{seconds:.2g} s, {cost.mebibytes / 1024:.2g} GB"


def network_of(setup: Setup) -> Network:
    """The network of a row."""
    return build_network(ModelSettings.model_validate(setup.model), 1, N_SCALES, 3)


def millions(setup: Setup) -> str:
    """How many parameters a network has."""
    return f"{sum(one.numel() for one in network_of(setup).parameters()) / 1e6:.2g} M"


if __name__ == "__main__":
    run(main)
