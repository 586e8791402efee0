"""The learning rate of each epoch, a function of the epoch alone so that a resumed training needs no state of it."""

import math

import torch

from ramify.training.names import ScheduleName

POLYNOMIAL_POWER = 0.9


def learning_rate(schedule: ScheduleName, initial: float, epoch: int, epochs: int) -> float:
    """Learning rate of an epoch (from 0) out of `epochs`."""
    done = epoch / epochs
    if schedule == "cosine":
        return initial * 0.5 * (1 + math.cos(math.pi * done))
    if schedule == "polynomial":
        rate: float = initial * (1 - done) ** POLYNOMIAL_POWER
        return rate
    return initial


def set_learning_rate(
    optimiser: torch.optim.Optimizer, schedule: ScheduleName, initial: float, epoch: int, epochs: int
) -> float:
    """Give all weights the learning rate of an epoch, see `learning_rate`; the rate."""
    rate = learning_rate(schedule, initial, epoch, epochs)
    for group in optimiser.param_groups:
        group["lr"] = rate
    return rate


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
