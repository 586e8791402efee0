"""The learning rate of each update, a function of its place alone so that a resumed training needs no state of it."""

import math

import torch

from ramify.training.names import ScheduleName
from ramify.training.settings import TrainSettings

POLYNOMIAL_POWER = 0.9


def learning_rate(train: TrainSettings, epoch: int, share: float) -> float:
    """Learning rate of an update: its epoch (from 0), and the share of that epoch's batches that are done by then.

    It rises in each update of the warm-up, and falls from epoch to epoch after it.
    """
    warm_up = train.warm_up_epochs
    if epoch < warm_up:
        return train.learning_rate * (epoch + share) / warm_up
    done = (epoch - warm_up) / (train.epochs - warm_up)
    if train.schedule == "cosine":
        return train.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
    if train.schedule == "polynomial":
        rate: float = train.learning_rate * (1 - done) ** POLYNOMIAL_POWER
        return rate
    return train.learning_rate


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give all weights a learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def check_resumed_epochs(schedule: ScheduleName, planned: int, done: int, wanted: int, steps: int = 0) -> None:
    """Whether a training that was planned for some epochs can be resumed for others.

    A falling rate is spread over all epochs: for others it would have been another one from the first epoch on, and
    would jump where the training goes on. Epochs that are done, and steps of the next one, cannot be taken back.

    Raises:
        ValueError: it cannot, or more is done than wanted.
    """
    if schedule != "constant" and wanted != planned:
        raise ValueError(
            f"cannot resume with --train.epochs {wanted}: the {schedule} schedule has spread the learning rate over "
            f"{planned}; give {planned}, or start again with another --output (train.schedule constant can go on)"
        )
    least = done + (steps > 0)
    if wanted < least:
        begun = f" and {steps} steps of the next one" if steps else ""
        raise ValueError(
            f"cannot resume with --train.epochs {wanted}: {done}{begun} are done; give at least {least}, or choose "
            "another --output"
        )
