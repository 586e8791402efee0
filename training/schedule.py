"""The learning rate of each epoch, a function of the epoch alone so that a resumed training needs no state of it."""

import math
from typing import Literal

ScheduleName = Literal["constant", "cosine", "polynomial"]
POLYNOMIAL_POWER = 0.9


def learning_rate(schedule: ScheduleName, initial: float, epoch: int, epochs: int) -> float:
    """Learning rate of an epoch (from 0) out of `epochs`."""
    done = epoch / epochs
    if schedule == "cosine":
        return initial * 0.5 * (1 + math.cos(math.pi * done))
    if schedule == "polynomial":
        return initial * (1 - done) ** POLYNOMIAL_POWER
    return initial
