"""What each loss costs by itself, in 2D and 3D, and the losses of topology beside the package topolosses.

    python -m benchmarks.losses_topology [--part costs|peers|all] [--repeats 5]

costs: forward and backward of every loss on 4 images of 256 x 256 and on a cube of 64, beside soft-clDice in turns: its
share of that time, its peak of memory, and how much longer three classes take. peers: ours and theirs in turns, in one
process, and both values; needs `pip install topolosses`, with the torchvision of one's PyTorch. Inputs: the vessels of
a phantom in slabs, and blurred, noisy logits around them. Times are those of the processor, medians of calls in turns,
so that a busy machine changes little: set OMP_NUM_THREADS=1.
"""

import importlib.util
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import torch
from pydantic import BaseModel, Field
from scipy import ndimage
from torch import Tensor

from benchmarks.cost import cost_of, in_own_process
from benchmarks.loss_inputs import LossInputs, loss_inputs, phantom_vessels
from ramify.command_line import parse, run
from ramify.losses.betti_matching import betti_matching_loss
from ramify.losses.dice import dice_loss
from ramify.losses.persistent_homology import persistent_homology_loss
from ramify.losses.soft_cldice import soft_cldice_loss
from ramify.losses.term_settings import TERM_SETTINGS
from ramify.losses.terms import TERMS, SupervisedTask
from ramify.losses.topograph import topograph_loss
from ramify.losses.truth import Truth
from ramify.tasks.members import ANY_VESSEL
from ramify.vessels.tube import tubed_skeleton

Loss = Callable[[Tensor, Tensor], Tensor]


class TopologyBenchmark(BaseModel, frozen=True, extra="forbid"):
    """What to measure."""

    part: Literal["costs", "peers", "all"] = "all"
    """Every loss by itself, or those of topology beside topolosses."""
    side: int = Field(default=256, ge=16)
    """Of the four images, pixels."""
    edge: int = Field(default=64, ge=16)
    """Of the cube, voxels."""
    repeats: int = Field(default=5, ge=1)
    """Calls; the median counts."""


class OwnCost(NamedTuple):
    """One loss on one input."""

    loss: str
    axes: int
    seconds: float
    of_cldice: float
    mebibytes: float
    three_classes: float

    def row(self) -> str:
        """As a line of a table."""
        size = f"{self.axes}D{self.seconds * 1e3:>10.1f} ms{self.of_cldice:>10.3f}"
        return f"{self.loss:26}{size}{self.mebibytes:>10.0f} MiB{self.three_classes:>10.1f}"


COSTS = f"{'':26}{'':2}{'time':>13}{'/ clDice':>10}{'memory':>14}{'3 classes':>10}"
PEERS = f"{'':26}{'topolosses':>13}{'ours':>13}{'faster':>10}{'their value':>14}{'ours':>12}"


def main(argv: list[str] | None = None) -> None:
    command = parse(TopologyBenchmark, "Every loss by itself, and those of topology beside topolosses.", argv)
    if command.part != "peers":
        print(COSTS)
        for cost in own_costs(command.side, command.edge, command.repeats):
            print(cost.row(), flush=True)
    if command.part != "costs":
        if importlib.util.find_spec("topolosses") is None:
            raise ValueError("topolosses is not installed: pip install topolosses, or take --part costs")
        print(f"\n{PEERS}" if command.part == "all" else PEERS)
        for row in beside_topolosses(command.side, command.repeats):
            print(row, flush=True)


@cache
def image_inputs(side: int) -> LossInputs:
    """Four slabs of a phantom's vessels, seen from above, and logits around them: (4, 1, side, side)."""
    vessels = phantom_vessels((64, side, side)).reshape(4, 16, side, side).any(1).astype(np.float32)
    noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=vessels.shape), (0, 1.0, 1.0))
    logits = 8.0 * (ndimage.gaussian_filter(vessels, (0, 0.7, 0.7)) - 0.4) + 2.0 * noise / noise.std()
    return LossInputs(*(torch.from_numpy(array.astype(np.float32))[:, None] for array in (logits, vessels)))


def own_costs(side: int, edge: int, repeats: int) -> Iterator[OwnCost]:
    """Of every loss that needs nothing from outside; each peak in a process of its own."""
    left_out = {"perceptual"} | ({"persistent_homology"} if importlib.util.find_spec("gudhi") is None else set())
    names = [name for name in TERMS if name not in left_out]
    for axes, size in ((2, side), (3, edge)):
        plain = step_of("soft_cldice", axes, size, 1)
        for name in names:
            calls = {"plain": plain} | {str(classes): step_of(name, axes, size, classes) for classes in (1, 3)}
            for once in calls.values():
                once()  # kernels are compiled
            seconds = _processor_seconds(calls, repeats)
            peak = in_own_process(peak_of, name, axes, size)
            ratios = (_ratio(seconds["1"], seconds["plain"]), peak, _ratio(seconds["3"], seconds["1"]))
            yield OwnCost(name, axes, statistics.median(seconds["1"]), *ratios)


def _processor_seconds(calls: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Of each call in every round, in which all are called once."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.process_time()
            call()
            seconds[name].append(time.process_time() - start)
    return seconds


def _ratio(own: list[float], other: list[float]) -> float:
    """Median over the rounds."""
    return statistics.median(one / two for one, two in zip(own, other, strict=True))


def peak_of(name: str, axes: int, size: int) -> float:
    """MiB of one call, after a small one that loads what it needs."""
    step_of(name, axes, 16, 1)()
    return cost_of(step_of(name, axes, size, 1), 1).mebibytes


def step_of(name: str, axes: int, size: int, classes: int) -> Callable[[], None]:
    """A loss and its gradient by the logits."""
    term = TERMS[name]
    settings = its() if (its := TERM_SETTINGS[name]) else None
    task = task_of(image_inputs(size) if axes == 2 else loss_inputs((size,) * 3, "cpu"), classes)

    def call() -> None:
        task.logits.grad = None
        fresh = replace(task, probabilities=task.logits.sigmoid())
        term.compute(fresh, settings).backward()

    return call


def task_of(inputs: LossInputs, classes: int) -> SupervisedTask:
    """A task whose classes are the same vessels."""
    target = inputs.target.expand(-1, classes, *inputs.target.shape[2:]).contiguous()
    logits = inputs.logits.expand_as(target).contiguous().requires_grad_()
    mask = inputs.target[:, 0].long()
    tubes = torch.from_numpy(np.stack([tubed_skeleton(volume > 0) for volume in mask.numpy()])).bool()
    truth = Truth(mask, tubes, torch.ones(len(mask), mask.ndim - 1))
    weights, masks, trees = (2.0,) * classes, (ANY_VESSEL,) * classes, tuple(range(classes))
    return SupervisedTask("main", logits, logits.sigmoid(), target, weights, truth=truth, masks=masks, trees=trees)


def beside_topolosses(side: int, repeats: int) -> Iterator[str]:
    """Ours and theirs in turns on the images, as lines of a table."""
    inputs = image_inputs(side)
    for name, (theirs, ours) in peers(side).items():
        values: dict[str, float] = {}

        def call(kind: str, loss: Loss, into: dict[str, float] = values) -> None:
            probabilities = inputs.logits.sigmoid().requires_grad_()
            value = loss(probabilities, inputs.target)
            value.backward()
            into[kind] = value.item()

        calls = {"theirs": lambda: call("theirs", theirs), "ours": lambda: call("ours", ours)}  # noqa: B023
        for once in calls.values():
            once()  # kernels are compiled
        seconds = _processor_seconds(calls, repeats)
        faster = _ratio(seconds["theirs"], seconds["ours"])
        medians = [statistics.median(seconds[kind]) for kind in ("theirs", "ours")]
        times = "".join(f"{second * 1e3:>10.1f} ms" for second in medians)
        yield f"{name:26}{times}{faster:>8.1f} x{values['theirs']:>14.4f}{values['ours']:>12.4f}"


def peers(side: int) -> dict[str, tuple[Loss, Loss]]:
    """Theirs and ours of one class, with the same settings where both have them."""
    from topolosses import losses  # type: ignore[import-not-found]

    alone = {"alpha": 1.0, "use_base_loss": False}

    def of_two(loss: Loss) -> Loss:
        return lambda p, y: loss(torch.cat([1.0 - p, p], dim=1), torch.cat([1.0 - y, y], dim=1))

    def authors_betti(p: Tensor, y: Tensor) -> Tensor:
        return betti_matching_loss(p, y, connectivity="faces", empty_images=True)

    def whole_images(p: Tensor, y: Tensor) -> Tensor:
        return persistent_homology_loss(p, y, patch_size=side)

    return {
        "dice": (losses.DiceLoss(), dice_loss),
        "soft_cldice, k = 10": (of_two(losses.CLDiceLoss(iter_=10, smooth=1.0, **alone)), soft_cldice_loss),
        "persistent_homology": (of_two(losses.HutopoLoss(**alone)), whole_images),
        "betti_matching": (of_two(losses.BettiMatchingLoss(**alone)), authors_betti),
        "topograph": (of_two(losses.TopographLoss(**alone)), topograph_loss),
    }


if __name__ == "__main__":
    run(main)
