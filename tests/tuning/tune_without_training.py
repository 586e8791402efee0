"""tune.py whose trainings are formulas: what its workers do when they are killed needs no network.

Every training waits in its third epoch until the file that GATE names is there: a test that is to find one in its
middle must not be quicker than it. Workers import this file again, and so have the same trainings.
"""

import os
import time
from pathlib import Path
from typing import Any

from ramify import tune
from ramify.command_line import run
from ramify.training.settings import RunSettings
from ramify.tuning import objective
from tests.tuning.tiny_studies import GATE, FakeTraining

WAITING_EPOCH = 2


def dice(settings: RunSettings, epoch: int) -> float:
    while epoch == WAITING_EPOCH and not Path(os.environ[GATE]).exists():
        time.sleep(0.01)
    return settings.train.learning_rate * (epoch + 1)


class NoTracker:
    """TensorBoard takes seconds to load."""

    def __init__(self, *_: Any) -> None: ...

    def hyperparameters(self, *_: Any) -> None: ...

    def close(self) -> None: ...


objective.train_run = FakeTraining(dice)  # type: ignore[assignment, attr-defined]
objective.Tracker = NoTracker  # type: ignore[assignment, attr-defined]

if __name__ == "__main__":
    run(tune.main)
