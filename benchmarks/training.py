"""A training step by number of scales, batch and precision, beside MONAI's and nnU-Net's networks, in one run.

    python -m benchmarks.training [--device cpu|cuda] [--size Z Y X] [--batches 1 2] [--precisions float32 bfloat16]
        [--cases FOLDER] [--rounds 5]

Peers (dynamic-network-architectures must be installed for nnU-Net's) are as wide as gives them about the parameters of
the binary ResUNet, and train with its loss. Times: all take a step, and a pass of the network that prediction keeps, in
each of the rounds; medians, and the median of the rounds' ratios to the binary network. Memory: the peak of a step
above what was there before, each in a process of its own. With --cases, a folder of prepared cases, also how long a
training waits for its data. On CUDA, the hours that Table 1 of Sadikine et al. 2023 would take at this speed.
"""

import importlib.util
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from pydantic import BaseModel, Field

from benchmarks.cost import alternating_seconds, cost_of, in_own_process, synchronised
from benchmarks.training_step import Size, training_step
from ramify.command_line import parse, run
from ramify.data.loading import Batch, TrainingBatches, TrainingSamples
from ramify.data.loading_settings import LoadingSettings
from ramify.losses.settings import LossSettings
from ramify.models.build import build_inference_network, build_network, place_network
from ramify.models.settings import ContrastHeadSettings, ModelSettings
from ramify.tasks.settings import TaskSettings
from ramify.training.device import autocast, choose_workers
from ramify.training.settings import RunSettings
from ramify.training.state import set_up
from ramify.training.step import train_step

Precision = Literal["float32", "bfloat16", "float16"]
SCALES = 3
MOST_SCALES = 5
BASELINE = "binary"
# Table 1 of the paper: its four variants, five folds of twenty cases, so many volumes each to train on, 2000 epochs.
TABLE_VARIANTS = ("binary", "multi-class", "S = 3, no contrast", "S = 3")
TABLE_FOLDS, TABLE_EPOCHS, TABLE_VOLUMES = 5, 2000, 16

VESSELS_ALONE = TaskSettings(main="vessels", auxiliary="none")


class TrainingBenchmark(BaseModel, frozen=True, extra="forbid"):
    """What to measure."""

    device: Literal["cpu", "cuda"] = "cpu"
    """Where to compute."""
    size: Size | None = None
    """Voxels of a volume; none takes 64 x 64 x 64 on the CPU and the paper's 128 x 256 x 256 on CUDA."""
    batches: tuple[int, ...] = (2,)
    """Volumes a step."""
    precisions: tuple[Precision, ...] | None = None
    """Of the network's arithmetic; none takes float32, and bfloat16 besides on CUDA."""
    cases: Path | None = None
    """Prepared cases (the output of preprocess.py, with its splits) to train on while the waiting is timed."""
    rounds: int = Field(default=5, ge=1)
    """Steps of each network."""


class Contestant(NamedTuple):
    """A network with the number of scales it is trained on and its loss."""

    model: ModelSettings
    scales: int
    loss: LossSettings


class Setting(NamedTuple):
    """What all are measured at."""

    size: Size
    batch: int
    device: Literal["cpu", "cuda"]
    precision: Precision

    @property
    def dtype(self) -> torch.dtype:
        """Of the network's arithmetic."""
        dtype: torch.dtype = getattr(torch, self.precision)
        return dtype


class Timed(NamedTuple):
    """Seconds of a training step and of a prediction in each round."""

    step: list[float]
    predict: list[float]


def main(argv: list[str] | None = None) -> None:
    command = parse(TrainingBenchmark, "A training step beside those of other networks.", argv)
    size = command.size or ((128, 256, 256) if command.device == "cuda" else (64, 64, 64))
    precisions = command.precisions or (("float32", "bfloat16") if command.device == "cuda" else ("float32",))
    for batch in command.batches:
        for precision in precisions:
            print(f"\n{' x '.join(map(str, size))} voxels, batch {batch}, {precision}, {command.device}")
            print(f"{'':28}{'parameters':>12}{'step':>12}{'':8}{'predict':>12}{'':8}{'peak':>12}")
            setting = Setting(size, batch, command.device, precision)
            timed = in_own_process(times, setting, command.rounds)
            peaks: dict[str, float] = {}
            for name, entry in contestants().items():
                peaks[name] = in_own_process(step_peak, entry, setting)
                print(row(name, entry, timed, peaks), flush=True)
            if command.device == "cuda":
                steps = TABLE_FOLDS * TABLE_EPOCHS * math.ceil(TABLE_VOLUMES / batch)
                seconds = steps * sum(statistics.median(timed[name].step) for name in TABLE_VARIANTS)
                print(f"Table 1 of the paper (4 variants x 5 folds x 2000 epochs): {seconds / 3600:.0f} hours")
    if command.cases is not None:
        loading = LoadingSettings(samples_per_epoch=24)
        with tempfile.TemporaryDirectory() as folder:
            settings = RunSettings(cases=command.cases, output=Path(folder), device=command.device, loading=loading)
            share, steps = in_own_process(waiting_share, settings)
        print(f"\nwaiting for data: {share:.1%} of the time of {steps} steps")


def contestants() -> dict[str, Contestant]:
    """Every row: ours by its tasks and number of scales, then the peers."""
    plain = LossSettings(lambda_scales=(0.5,), foreground_weight=2.0, lambda_contrastive=0.0)
    contrasting = plain.model_copy(update={"lambda_contrastive": 0.5})
    multi_task = ModelSettings(
        tasks=TaskSettings(main="vessels", auxiliary="scales"), contrast=ContrastHeadSettings(head="per_scale")
    )
    rows = {
        BASELINE: Contestant(ModelSettings(tasks=VESSELS_ALONE), SCALES, plain),
        "multi-class": Contestant(ModelSettings(tasks=TaskSettings(main="scales")), SCALES, plain),
    }
    for scales in range(1, MOST_SCALES + 1):
        rows[f"S = {scales}"] = Contestant(multi_task, scales, contrasting if scales > 1 else plain)
    rows[f"S = {SCALES}, no contrast"] = Contestant(multi_task, SCALES, plain)
    recomputing = multi_task.model_copy(update={"checkpoint_activations": True})
    rows[f"S = {SCALES}, recomputing"] = Contestant(recomputing, SCALES, contrasting)
    segresnet = ModelSettings(network="monai:SegResNet", tasks=VESSELS_ALONE, arguments={"init_filters": 16})
    rows["MONAI SegResNet"] = Contestant(segresnet, SCALES, plain)
    if importlib.util.find_spec("dynamic_network_architectures"):
        nnunet = ModelSettings(network="nnunet_residual", tasks=VESSELS_ALONE, base_channels=4)
        rows["nnU-Net residual U-Net"] = Contestant(nnunet, SCALES, plain)
    return rows


def times(setting: Setting, rounds: int) -> dict[str, Timed]:
    """Every contestant's times, taken in turns."""
    steps, predictions = {}, {}
    for name, entry in contestants().items():
        steps[name] = synchronised(step_of(entry, setting), setting.device)
        predictions[name] = synchronised(prediction_of(entry, setting), setting.device)
        predictions[name]()
    of_steps, of_predictions = alternating_seconds(steps, rounds), alternating_seconds(predictions, rounds)
    return {name: Timed(of_steps[name], of_predictions[name]) for name in steps}


def step_peak(entry: Contestant, setting: Setting) -> float:
    """Peak memory of a training step, MiB."""
    return cost_of(step_of(entry, setting), 1, setting.device).mebibytes


def step_of(entry: Contestant, setting: Setting) -> Callable[[], None]:
    """A training step as a call."""
    return training_step(
        entry.model, entry.loss, entry.scales, setting.size, setting.batch, setting.device, setting.dtype
    )


def prediction_of(entry: Contestant, setting: Setting) -> Callable[[], None]:
    """A pass of the network that prediction keeps, as a call."""
    network = place_network(build_inference_network(entry.model, 1, entry.scales, 3), setting.device).eval()
    image = torch.randn(setting.batch, 1, *setting.size, device=setting.device)

    def predict() -> None:
        with torch.inference_mode(), autocast(torch.device(setting.device), setting.dtype):
            network(image)

    return predict


def row(name: str, entry: Contestant, timed: Mapping[str, Timed], peaks: Mapping[str, float]) -> str:
    """As a line of the table."""
    with torch.device("meta"):
        parameters = sum(weight.numel() for weight in build_network(entry.model, 1, entry.scales, 3).parameters())

    def beside(seconds: list[float], of: list[float]) -> str:
        ratio = statistics.median(own / other for own, other in zip(seconds, of))
        return f"{statistics.median(seconds) * 1e3:>9.0f} ms{ratio:>7.2f}x"

    own, baseline = timed[name], timed[BASELINE]
    columns = beside(own.step, baseline.step) + beside(own.predict, baseline.predict)
    return f"{name:28}{parameters:>12,}{columns}{peaks[name]:>8.0f} MiB{peaks[name] / peaks[BASELINE]:>7.2f}x"


def waiting_share(settings: RunSettings) -> tuple[float, int]:
    """Share of an epoch that passes in waiting for its batches, and the number of steps; an epoch before it warms up.

    By the defaults: whole volumes, batch 2, augmented; loaders as `training.device.choose_workers` says.
    """
    training, _ = set_up(settings)
    multiples, cases = training.network.size_multiples, training.train_cases
    samples = TrainingSamples(settings.cases, cases, settings.loading, settings.augmentation, multiples, 0)
    workers = choose_workers(None, training.runner.device)
    batches = TrainingBatches(samples, workers, pin_memory=training.runner.device.type == "cuda")
    waited = all_time = 0.0
    for epoch in range(2):
        waited, began = 0.0, time.perf_counter()
        for step, (batch, waiting) in enumerate(_timed(batches.of_epoch(epoch))):
            train_step(training, batch, step, len(batches))["loss/total"].item()
            waited += waiting
        all_time = time.perf_counter() - began
    return waited / all_time, len(batches)


def _timed(batches: Iterator[Batch]) -> Iterator[tuple[Batch, float]]:
    while True:
        began = time.perf_counter()
        batch = next(batches, None)
        if batch is None:
            return
        yield batch, time.perf_counter() - began


if __name__ == "__main__":
    run(main)
