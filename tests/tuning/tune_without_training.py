"""tune.py whose trainings are formulas that take a while: what its workers do when they are killed needs no network.

Workers import this file again, and so have the same trainings.
"""

import time
from typing import Any

import tune
from command_line import run
from tests.tuning.tiny_studies import FakeTraining
from training.settings import RunSettings
from tuning import objective

EPOCH_SECONDS = 0.2


def dice(settings: RunSettings, epoch: int) -> float:
    time.sleep(EPOCH_SECONDS)
    return settings.train.learning_rate * (epoch + 1)


class NoTracker:
    """TensorBoard takes seconds to load."""

    def __init__(self, *_: Any) -> None: ...

    def hyperparameters(self, *_: Any) -> None: ...

    def close(self) -> None: ...


objective.train_run = FakeTraining(dice)  # type: ignore[assignment]
objective.Tracker = NoTracker  # type: ignore[assignment, misc]

if __name__ == "__main__":
    run(tune.main)
