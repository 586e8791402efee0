"""The model of memory that `--auto` plans with, beside the measured peaks of training steps, in one run.

    python -m benchmarks.planning [--device cpu|cuda] [--quick]

A row a network, size and batch: the peak of a step above what was there before it, measured in a process of its own;
what `planning.step_cost` says; their ratio; and products a second. Then the model's error over all rows: of most of
them, and the worst. With --device cuda in bfloat16.
"""

from typing import Literal, NamedTuple

import numpy as np
import torch
from pydantic import BaseModel

from benchmarks.cost import Cost, cost_of, in_own_process
from benchmarks.training_step import training_step
from ramify.command_line import parse, run
from ramify.losses.settings import LossSettings
from ramify.models.settings import ModelSettings
from ramify.planning.pooling import halvings_of
from ramify.planning.step_cost import NetworkForm, NetworkSize, memory_of, parameters_of, products_of
from ramify.tasks.settings import TaskSettings

SCALES = 3


class PlanningBenchmark(BaseModel, frozen=True, extra="forbid"):
    """What to measure."""

    device: Literal["cpu", "cuda"] = "cpu"
    """Where to compute."""
    quick: bool = False
    """Two small steps alone: it shows that everything runs."""


class Case(NamedTuple):
    """A step: network, whether scales are tasks beside the vessels and contrasted, size of a patch, batch, channels."""

    network: str
    scales: bool
    size: tuple[int, ...]
    batch: int
    channels: int

    @property
    def form(self) -> NetworkForm:
        outputs = 1 + SCALES * self.scales
        decoders = outputs if self.network == "resunet" else 1
        return NetworkForm(self.network, len(self.size), 1, decoders, outputs)

    @property
    def network_size(self) -> NetworkSize:
        return NetworkSize(self.channels, halvings_of(self.size, (1.0,) * len(self.size)))


CASES = (
    Case("resunet", True, (32, 32, 32), 2, 8),
    Case("resunet", True, (64, 64, 64), 2, 8),
    Case("resunet", True, (48, 48, 48), 2, 16),
    Case("resunet", True, (64, 96, 96), 2, 8),
    Case("resunet", True, (32, 64, 64), 2, 32),
    Case("resunet", False, (64, 64, 64), 2, 8),
    Case("resunet", False, (64, 64, 64), 2, 16),
    Case("resunet", False, (80, 80, 80), 4, 8),
    Case("resunet", True, (128, 128), 4, 16),
    Case("resunet", True, (256, 256), 4, 16),
    Case("resunet", False, (256, 256), 8, 16),
    Case("resunet", True, (512, 512), 2, 16),
    Case("unet", False, (64, 64, 64), 2, 16),
    Case("unet", True, (64, 64, 64), 2, 16),
    Case("unet", False, (48, 48, 48), 2, 32),
    Case("unet", True, (256, 256), 4, 32),
)
QUICK = (Case("resunet", True, (32, 32, 32), 2, 4), Case("unet", False, (64, 64), 2, 4))


def main() -> None:
    settings = parse(PlanningBenchmark, __doc__)
    print(f"{'network':10}{'tasks':>6}{'size':>14}{'batch':>6}{'channels':>9}{'measured':>12}{'model':>12}{'ratio':>7}")
    ratios = []
    for case in QUICK if settings.quick else CASES:
        cost = in_own_process(measured, case, settings.device)
        model = estimated(case, settings.device)
        ratios.append(model / cost.mebibytes)
        size, speed = "x".join(map(str, case.size)), products(case) / cost.seconds
        print(
            f"{case.network:10}{case.form.outputs:>6}{size:>14}{case.batch:>6}{case.channels:>9}"
            f"{cost.mebibytes:>8.0f} MiB{model:>8.0f} MiB{ratios[-1]:>7.2f}  {speed / 1e9:.0f} GMAC/s",
            flush=True,
        )
    low, high = np.quantile(ratios, [0.1, 0.9])
    most = f"{low:.2f} to {high:.2f}"
    print(f"of what is measured the model says {most} in most rows, {min(ratios):.2f} to {max(ratios):.2f} in all")


def measured(case: Case, device: str) -> Cost:
    """What a first step takes, in this process; its memory with that of the weights, which are there before."""
    model = ModelSettings(
        network=case.network,
        tasks=TaskSettings(main="vessels", auxiliary="scales" if case.scales else "none"),
        levels=case.network_size.levels,
        base_channels=case.channels,
        contrast={"head": "per_scale" if case.scales and case.network == "resunet" else "none"},
    )
    contrasted = {} if model.contrast.head == "per_scale" else {"lambda_contrastive": 0.0}
    loss = LossSettings.model_validate({"foreground_weight": 2.0, **contrasted})
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    cost = cost_of(training_step(model, loss, SCALES, case.size, case.batch, device, dtype), 1, device)
    return cost._replace(mebibytes=cost.mebibytes + 4 * parameters_of(case.form, case.network_size) / 2**20)


def estimated(case: Case, device: str) -> float:
    """What the model says, MiB."""
    return memory_of(case.form, case.network_size, case.size, case.batch, half=device == "cuda") / 2**20


def products(case: Case) -> float:
    """Of a step, by the model."""
    return products_of(case.form, case.network_size, case.size, case.batch)


if __name__ == "__main__":
    run(main)
