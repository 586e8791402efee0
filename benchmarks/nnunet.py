"""What each of Ramify's trainers costs inside nnU-Net: a training step beside nnU-Net's own, and the maps of a case.

    python -m benchmarks.nnunet
    python -m benchmarks.nnunet --size 64 --rounds 20 --device cuda

It needs nnU-Net: `make test-nnunet` makes an environment with it. Phantoms are planned and preprocessed as any data set
is, and every trainer takes the plans as they are; steps are taken in turns, in one process. On the CPU times are those
of the processor, so that a busy machine changes little: set OMP_NUM_THREADS=1.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, Field

from benchmarks.cost import synchronised
from benchmarks.loss_inputs import BODY_MM
from benchmarks.nnunet_data import CONFIGURATION, NAME, case_ids, make_known, plan, said_to_nobody, write_phantoms
from ramify.command_line import parse, run
from ramify.phantoms.settings import PhantomSettings, TreeSettings
from ramify.processes.temporary import temporary_folder

OWN = "nnUNetTrainer"
TRAINERS = (OWN, "RamifySoftClDice", "RamifySkeletonRecall", "RamifyTopoClDice", "RamifyCbDice", "RamifyScales")
CASES = 2


class NnunetCommand(BaseModel, frozen=True, extra="forbid"):
    """What is measured."""

    size: int = Field(default=32, ge=16, le=256)
    """Voxels of a phantom along each axis; the patches of nnU-Net's plans are as large, where its memory allows."""
    rounds: int = Field(default=10, ge=1)
    """Steps of each trainer; the median counts."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the steps are taken."""
    threads: int = Field(default=1, ge=1)
    """Threads of a step on the CPU."""


class Row(NamedTuple):
    """A trainer: its step, in milliseconds and as a multiple of nnU-Net's own, and seconds a case before training."""

    trainer: str
    milliseconds: float
    multiple: float
    seconds_a_case: float

    def line(self) -> str:
        """As a line of the table."""
        before = f"{self.seconds_a_case:>10.2f} s" if self.seconds_a_case else f"{'-':>12}"
        return f"{self.trainer:24}{self.milliseconds:>10.0f} ms{self.multiple:>10.2f}{before}"


HEADER = f"{'':24}{'step':>13}{'/ own':>10}{'once a case':>14}"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print a row a trainer."""
    command = parse(NnunetCommand, "What each of Ramify's trainers costs inside nnU-Net.", argv)
    with temporary_folder("nnunet") as folder:
        rows = list(measure(command, folder))
    print(HEADER)
    for row in rows:
        print(row.line())
    return 0


def measure(command: NnunetCommand, folder: Path) -> Iterator[Row]:
    """The rows, of data made in a folder."""
    import torch

    torch.set_num_threads(command.threads)
    with said_to_nobody():
        prepare(command.size, folder)
        trainers = {name: ready(name, command.device) for name in TRAINERS}
        calls = {name: synchronised(step_of(trainer), command.device) for name, trainer in trainers.items()}
        clock = time.process_time if command.device == "cpu" else time.perf_counter
        in_turns(calls, 2, clock)  # kernels are compiled, and buffers of the optimiser made
        seconds = in_turns(calls, command.rounds, clock)
        before = {name: seconds_a_case(trainer) for name, trainer in trainers.items()}
    own = seconds[OWN]
    for name, its in seconds.items():
        multiple = statistics.median(one / other for one, other in zip(its, own))
        yield Row(name, 1e3 * statistics.median(its), multiple, before[name])


def prepare(size: int, folder: Path) -> None:
    """Two phantoms of so many voxels along each axis, planned and preprocessed."""
    make_known(folder)
    # Few ends, so that the thinnest vessels are not thinner than the voxels of a small phantom.
    spacing = (BODY_MM / size,) * 3
    write_phantoms(
        folder, PhantomSettings(size=(size,) * 3, spacing_mm=spacing, trees=TreeSettings(terminals=8)), CASES
    )
    plan(folder, [{"train": case_ids(CASES), "val": case_ids(CASES)}])


def ready(name: str, device: str) -> Any:
    """A trainer before its first step."""
    import torch
    from nnunetv2.run.run_training import get_trainer_from_args

    trainer = get_trainer_from_args(NAME, CONFIGURATION, 0, name, device=torch.device(device))
    trainer.initialize()
    trainer.set_deep_supervision_enabled(trainer.enable_deep_supervision)
    trainer.on_train_epoch_start()
    return trainer


def step_of(trainer: Any) -> Callable[[], object]:
    """A call that takes a step on the corner of each case, with what the trainer brings along beside the labels."""
    import torch
    from batchgeneratorsv2.transforms.utils.deep_supervision_downsampling import DownsampleSegForDSTransform

    training, _ = trainer.get_tr_and_val_datasets()
    corner = (slice(None), *(slice(size) for size in trainer.configuration_manager.patch_size))
    coarser = DownsampleSegForDSTransform(trainer._get_deep_supervision_scales())
    images, targets = [], []
    for case_id in training.identifiers:
        image, labels, beside, _ = training.load_case(case_id)
        channels = labels[:] if beside is None else np.concatenate((labels[:], beside[:][None]))
        images.append(torch.from_numpy(image[:][corner]))
        targets.append(coarser(segmentation=torch.from_numpy(channels[corner].astype(np.int16)).clamp(min=0)))
    batch = {
        "data": torch.stack(images),
        "target": [torch.stack(level) for level in zip(*(each["segmentation"] for each in targets))],
    }
    return lambda: trainer.train_step(batch)


def in_turns(
    calls: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """What each call takes in every round, in which all are called once."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            begun = clock()
            call()
            seconds[name].append(clock() - begun)
    return seconds


def seconds_a_case(trainer: Any) -> float:
    """How long the maps of a case take that a trainer makes before it begins; 0 where it makes none."""
    if not hasattr(trainer, "case_cache"):
        return 0.0
    cache = trainer.case_cache()
    begun = time.process_time()
    for case_id in case_ids(CASES):
        cache.make(case_id)
    return (time.process_time() - begun) / CASES


if __name__ == "__main__":
    run(main)
