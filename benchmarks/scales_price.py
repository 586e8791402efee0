"""What auxiliary tasks of three scales add to a training step, and what cheaper forms of them leave of it.

    OMP_NUM_THREADS=1 python -m benchmarks.scales_price [--side 48] [--batch 2] [--levels 4] [--rounds 7]

Every form takes a step in each of the rounds, all in one process; the figure is the median over the rounds of its
processor time as a multiple of the binary network's. Whether a form is as good is another question:
configs/experiments/scales_price.yaml.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, Field

from benchmarks.cost import alternating_seconds
from benchmarks.training_step import training_step
from benchmarks.verdicts import print_table
from ramify.command_line import parse, run
from ramify.losses.settings import LossSettings
from ramify.models.build import build_network
from ramify.models.settings import ModelSettings

N_SCALES = 3
BINARY = "binary"
HALF_GRID, HALF_WIDTH, IN_TURN = {"auxiliary_halvings": 1}, {"auxiliary_width": 0.5}, {"in_turn": True}
PER_SCALE, SHARED = {"contrast": {"head": "per_scale"}}, {"contrast": {"head": "shared"}}
CONTRASTED = {"lambda_contrastive": 0.53, "anchors": {"cap": 1536}}


class Form(NamedTuple):
    """Settings of the network and of its loss, beside those that all have."""

    model: Mapping[str, Any] = {}
    loss: Mapping[str, Any] = {}


FORMS: Mapping[str, Form] = {
    BINARY: Form({"tasks": {"auxiliary": "none"}}),
    "every scale": Form(),
    "half the resolution": Form(HALF_GRID),
    "half the channels": Form(HALF_WIDTH),
    "in turn": Form({}, IN_TURN),
    "half the resolution and channels": Form(HALF_GRID | HALF_WIDTH),
    "half the resolution, in turn": Form(HALF_GRID, IN_TURN),
    "half the channels, in turn": Form(HALF_WIDTH, IN_TURN),
    "half the resolution and channels, in turn": Form(HALF_GRID | HALF_WIDTH, IN_TURN),
    "every scale, the paper's contrast": Form(PER_SCALE, CONTRASTED),
    "half the resolution, the paper's contrast": Form(HALF_GRID | PER_SCALE, CONTRASTED),
    "half the resolution and channels, the paper's contrast": Form(HALF_GRID | HALF_WIDTH | PER_SCALE, CONTRASTED),
    "in turn, shared contrast": Form(SHARED, CONTRASTED | IN_TURN),
}


class PriceCommand(BaseModel, frozen=True, extra="forbid"):
    """How large a step."""

    side: int = Field(48, ge=16)
    """Of a patch, voxels."""
    batch: int = Field(2, ge=1)
    """Patches a step."""
    levels: int = Field(4, ge=2)
    """Down-samplings of the network, whose base channels are 8."""
    rounds: int = Field(7, ge=1)
    """Steps of each form."""


def main(argv: list[str] | None = None) -> None:
    """Measure and print a table in Markdown."""
    command = parse(PriceCommand, "What auxiliary tasks of three scales add to a training step.", argv)
    steps = {name: step_of(form, command) for name, form in FORMS.items()}
    seconds = alternating_seconds(steps, command.rounds, time.process_time)
    rows = []
    for name, own in seconds.items():
        ratios = sorted(one / binary for one, binary in zip(own, seconds[BINARY], strict=True))
        cells = [f"{statistics.median(ratios):.2f}", f"{ratios[0]:.2f} to {ratios[-1]:.2f}"]
        rows.append((name, [*cells, f"{parameters_of(FORMS[name], command.levels) / 1e6:.2f} M"]))
    print_table("a step of", ["times the binary one", "over the rounds", "parameters"], rows)


def step_of(form: Form, command: PriceCommand) -> Callable[[], None]:
    """A training step, forwards, backwards and the update, as a call."""
    loss = LossSettings.model_validate(
        {"foreground_weight": 2.0, "lambda_scales": [0.6], "lambda_contrastive": 0.0} | dict(form.loss)
    )
    return training_step(model_of(form, command.levels), loss, N_SCALES, (command.side,) * 3, command.batch)


def model_of(form: Form, levels: int) -> ModelSettings:
    """The network of a form."""
    return ModelSettings.model_validate(
        {"levels": levels, "base_channels": 8, "tasks": {"auxiliary": "scales"}} | dict(form.model)
    )


def parameters_of(form: Form, levels: int) -> int:
    """How many weights are trained."""
    return sum(weight.numel() for weight in build_network(model_of(form, levels), 1, N_SCALES, 3).parameters())


if __name__ == "__main__":
    run(main)
