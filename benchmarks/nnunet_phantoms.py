"""Ramify's trainers against nnU-Net's own on phantoms: the same plans, the same number of steps, several seeds.

    python -m benchmarks.nnunet_phantoms --output output/nnunet_phantoms

It needs nnU-Net: `make test-nnunet` makes an environment with it. OUTPUT gets nnU-Net's folders and the scores; runs
that are there already are kept, so that it goes on where it was interrupted. Every seed is a fold of the same cases:
all networks learn from the same phantoms and are scored on the same others, at which no training looks but to log.
Images are augmented in the process that trains, so that a seed gives the same network again; predictions are not
mirrored.
"""

import json
import multiprocessing
import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field

from benchmarks.nnunet_data import CONFIGURATION, NAME, case_ids, make_known, plan, said_to_nobody, write_phantoms
from ramify import compare, evaluate
from ramify.command_line import parse, run
from ramify.phantoms.settings import PhantomSettings

MEASURES = ("dice", "cldice", "tprec", "tsens", "scale_1_tsens", "betti0_error")


class NnunetPhantomsCommand(BaseModel, frozen=True, extra="forbid"):
    """What is trained."""

    output: Path
    """Folder of everything that is made."""
    trainers: tuple[str, ...] = ("nnUNetTrainer", "RamifySoftClDice", "RamifyScales")
    """Names of trainers; the first is what the others are compared with."""
    seeds: int = Field(3, ge=1)
    """Trainings of each."""
    training: int = Field(12, ge=1)
    """Phantoms to learn from."""
    held_out: int = Field(8, ge=1)
    """Phantoms to be scored on."""
    size: int = Field(64, ge=16)
    """Voxels of a phantom along each axis, of 2 mm."""
    memory_gb: float = Field(0.1, gt=0)
    """Memory of the GPU that nnU-Net plans for: little gives small patches, which a CPU can learn from."""
    epochs: int = Field(20, ge=1)
    """Of ten steps each."""
    workers: int = Field(2, ge=1)
    """Trainings at a time, of one thread each."""


def main(argv: Sequence[str] | None = None) -> int:
    """Train what is missing, score all of it, and print the verdicts."""
    command = parse(NnunetPhantomsCommand, "Ramify's trainers against nnU-Net's own on phantoms.", argv)
    make_known(command.output)
    if not (command.output / "nnUNet_preprocessed" / NAME / "splits_final.json").exists():
        cases = case_ids(command.training + command.held_out)
        write_phantoms(command.output, PhantomSettings(size=(command.size,) * 3), len(cases))
        parted = {"train": cases[: command.training], "val": cases[command.training :]}
        with said_to_nobody():
            plan(command.output, [parted] * command.seeds, command.memory_gb)

    runs = [(name, seed) for seed in range(command.seeds) for name in command.trainers]
    missing = [each for each in runs if not (validation_of(command.output, *each) / "summary.json").exists()]
    # A process a training: nnU-Net leaves threads and settings behind.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(command.workers, mp_context=spawn, max_tasks_per_child=1) as processes:
        for name, seed, dice in processes.map(train, *zip(*((command, *each) for each in missing))) if missing else ():
            print(f"{name}, seed {seed}: Dice {dice:.4f} by nnU-Net", flush=True)

    truth = command.output / "nnUNet_preprocessed" / NAME / "gt_segmentations"
    for each in runs:
        words = ["--prediction", str(validation_of(command.output, *each)), "--truth", str(truth)]
        with said_to_nobody():
            evaluate.main([*words, "--output", str(scores_of(command.output, each[0]) / f"seed_{each[1]}"), "--quiet"])
    results = [f"{name}={scores_of(command.output, name)}/seed_*" for name in command.trainers]
    compared = ["--output", str(command.output / "comparison"), "--measures", *MEASURES]
    return compare.main(["--results", *results, *compared])


def train(command: NnunetPhantomsCommand, name: str, seed: int) -> tuple[str, int, float]:
    """Train a network, let it predict the phantoms held out, and tell nnU-Net's mean Dice of them."""
    make_known(command.output, augmenting=0)
    import torch
    from nnunetv2.run.run_training import get_trainer_from_args

    torch.set_num_threads(1)
    for begin in (random.seed, np.random.seed, torch.manual_seed):
        begin(seed)
    with said_to_nobody():
        trainer = get_trainer_from_args(NAME, CONFIGURATION, seed, name, device=torch.device("cpu"))
        trainer.num_epochs, trainer.num_iterations_per_epoch, trainer.num_val_iterations_per_epoch = (
            command.epochs,
            10,
            1,
        )
        trainer.run_training()
        trainer.inference_allowed_mirroring_axes = None
        trainer.perform_actual_validation()
    summary = json.loads((validation_of(command.output, name, seed) / "summary.json").read_text(encoding="utf-8"))
    return name, seed, summary["foreground_mean"]["Dice"]


def validation_of(output: Path, name: str, seed: int) -> Path:
    """Where nnU-Net predicts the phantoms that are held out."""
    return output / "nnUNet_results" / NAME / f"{name}__nnUNetPlans__{CONFIGURATION}" / f"fold_{seed}" / "validation"


def scores_of(output: Path, name: str) -> Path:
    """Where those of a trainer are scored, a folder a seed."""
    return output / "scores" / name


if __name__ == "__main__":
    run(main)
