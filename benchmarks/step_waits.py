"""How often a training step lets the host wait for the device, by what is trained.

    python -m benchmarks.step_waits [--device cpu|cuda]

On CUDA torch tells it; without a GPU the steps run on a device of paper (`benchmarks/host_waits.py`).
"""

import contextlib
import io
import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel

from benchmarks.host_waits import PAPER, Waits, on_paper, paper_device, waits_on_cuda
from benchmarks.verdicts import print_table
from ramify import preprocess
from ramify.command_line import parse, run
from ramify.training.loop import batches_of
from ramify.training.optimiser import build_optimiser
from ramify.training.settings import RunSettings
from ramify.training.state import Training, set_up
from ramify.training.step import train_step
from ramify.training.weight_average import WeightAverage

_PLAIN = {"loss": {"lambda_contrastive": 0.0}}


def _with_terms(*names: str, **sections: object) -> dict[str, Any]:
    terms = dict.fromkeys(("dice", "cross_entropy", *names), 1.0)
    return {"loss": {"lambda_contrastive": 0.0, "main": terms, **sections}}


def _contrasted(head: str, **anchors: object) -> dict[str, Any]:
    return {"model": {"contrast": {"head": head}}, "loss": {"anchors": anchors}}


_BALANCED = {"balance": "scales"}
CONFIGURATIONS: Mapping[str, Mapping[str, Any]] = {
    "binary": {"model": {"tasks": {"auxiliary": "none"}}},
    "multi-class": {"model": {"tasks": {"main": "scales"}}},
    "multi-task": _PLAIN,
    "multi-task, deep supervision": {**_PLAIN, "model": {"levels": 2, "deep_supervision": 1}},
    "multi-task, every loss that a GPU computes": _with_terms(
        "soft_cldice",
        "skeleton_recall",
        "tversky",
        "generalised_dice",
        "centreline_cross_entropy",
        dice=_BALANCED,
        soft_cldice={"iterations": 1, **_BALANCED},
        skeleton_recall=_BALANCED,
    ),
    "multi-task, topological clDice": _with_terms("topo_cldice", topo_cldice={"iterations": 2}),
    "the paper's contrast, with a memory bank": _contrasted("per_scale", bank=64),
    "the paper's contrast, where the scale is": _contrasted("per_scale", mode="masked"),
    "shared contrast, with a memory bank": _contrasted("shared", bank=64),
    "shared contrast, half of it at errors": _contrasted("shared", errors=0.5, cap=64),
    "clipping, average and accumulation": {
        **_PLAIN,
        "train": {"gradient_clip": 1.0, "average": 0.9, "accumulate": 2},
    },
}
"""Settings by what they train."""


class StepWaitsCommand(BaseModel, frozen=True, extra="forbid"):
    """Where to count."""

    device: Literal["cpu", "cuda"] = "cpu"
    """cpu is the device of paper."""


def main(argv: list[str] | None = None) -> None:
    """Print a table in Markdown."""
    command = parse(StepWaitsCommand, "How often a training step lets the host wait for the device.", argv)
    with tempfile.TemporaryDirectory() as folder:
        cases = Path(folder) / "cases"
        words = ["--dataset", "phantom", "--phantom.cases", "4", "--phantom.size", "32", "32", "32"]
        words += ["--folds.folds", "2", "--preprocessing.grid.crop", "volume", "--output", str(cases)]
        with contextlib.redirect_stdout(io.StringIO()):
            preprocess.main(words)
        rows = [(name, [str(plain), str(scaled)]) for name, plain, scaled in counted(cases, command.device)]
    print_table("a step of", ["waits", "with float16's scaler"], rows)


def counted(
    cases: Path, device: Literal["cpu", "cuda"], names: Sequence[str] = tuple(CONFIGURATIONS)
) -> Iterator[tuple[str, int, int]]:
    """Of every configuration its name, and the waits of a step on these prepared cases without and with a scaler."""
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            settings = settings_of(name, cases, Path(folder))
            plain, scaled = (waits_of_step(settings, device, scaled=scaled).total() for scaled in (False, True))
            yield name, plain, scaled


def settings_of(name: str, cases: Path, output: Path) -> RunSettings:
    """A small training of a configuration."""
    chosen = dict(CONFIGURATIONS[name])
    small = {"levels": 1, "base_channels": 2}
    loading = {"batch_size": 1, "samples_per_epoch": 4, "patch_size": (8, 8, 8), "workers": 0}
    return RunSettings.model_validate(
        {"cases": cases, "output": output, "fold": "all", "device": "cpu", "loading": loading}
        | chosen
        | {"model": small | chosen.get("model", {})}
        | {"loss": {"lambda_scales": [1.0]} | chosen.get("loss", {})}
        | {"train": {"augment": False} | chosen.get("train", {})}
    )


def waits_of_step(settings: RunSettings, device: Literal["cpu", "cuda"], *, scaled: bool) -> Waits:
    """The waits of the step of an update that has most of them, once the first update is done.

    scaled: with the scaler of a training in float16.
    """
    if device == "cuda":
        training, _ = set_up(settings.model_copy(update={"device": "cuda"}))
        training.scaler = torch.amp.GradScaler("cuda", enabled=scaled)
        return _worst(training, waits_on_cuda)
    training, _ = set_up(settings)
    with paper_device() as waits:
        on_paper(training.network)
        training.optimiser = build_optimiser(training.network, settings.train)
        training.runner = replace(training.runner, device=PAPER)
        training.scaler = torch.amp.GradScaler(PAPER.type, enabled=scaled)
        if settings.train.average is not None:
            training.average = WeightAverage(training.network, settings.train.average)
        return _worst(training, partial(_waits_on_paper, waits))


def _waits_on_paper(waits: Waits, call: Callable[[], object]) -> Waits:
    waits.clear()
    call()
    return Waits(waits)


def _worst(training: Training, waits_of: Callable[[Callable[[], object]], Waits]) -> Waits:
    accumulate = training.settings.train.accumulate
    batches = list(itertools.islice(batches_of(training).of_epoch(0), 2 * accumulate))
    training.network.train()
    calls = [partial(train_step, training, batch, step, len(batches)) for step, batch in enumerate(batches)]
    for first in calls[:accumulate]:
        first()
    return max((waits_of(call) for call in calls[accumulate:]), key=Waits.total)


if __name__ == "__main__":
    run(main)
