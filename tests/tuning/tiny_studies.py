"""A study of tiny trainings, and a training that takes no time."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import optuna
from optuna.storages import RDBStorage

from ramify.disk.atomic_files import write_whole
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.tasks.class_table import SINGLE
from ramify.training.checkpoint import load_checkpoint, save_checkpoint
from ramify.training.run_folder import RunFolder
from ramify.training.settings import RunSettings
from ramify.tuning.interruption import Interruption
from ramify.tuning.search_space import SearchSpace, build_space
from ramify.tuning.settings import StudySettings
from ramify.tuning.storage import open_storage
from ramify.tuning.study import make_inner_folds, open_study

SPACE: dict[str, Any] = {
    "loss.temperature": {"low": 0.1, "high": 1.0, "log": True},
    "train.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
}


GATE = "RAMIFY_TEST_GATE"
"""Environment variable with the file that trainings wait for in `tune_without_training`."""


def space_for(settings: StudySettings, given: dict[str, Any] | None = None) -> SearchSpace:
    return build_space(given or SPACE, settings.training, "space.yaml")


def opened(
    settings: StudySettings, given: dict[str, Any] | None = None
) -> tuple[optuna.Study, SearchSpace, RDBStorage]:
    """A study on disk with its inner folds, ready for trials."""
    space = space_for(settings, given)
    storage = open_storage(settings.storage_url, settings.heartbeat_seconds, settings.retries)
    return open_study(settings, space, make_inner_folds(settings), storage), space, storage


class FakeTraining:
    """Stands in for train_run: keeps a checkpoint and its history as that does, and scores by a formula.

    Args:
        dice: from (settings, epoch) to the validation Dice.
    """

    def __init__(self, dice: Callable[[RunSettings, int], float]) -> None:
        self.dice = dice
        self.epochs: list[tuple[str, int, int]] = []
        """(trial folder, fold, epoch) of every epoch that was trained."""

    def __call__(self, settings: RunSettings, on_validation: Callable[[int, dict[str, float]], None]) -> RunFolder:
        folder = RunFolder(settings.output / f"fold_{settings.fold}")
        latest = folder.checkpoint("latest")
        history = load_checkpoint(latest)["history"] if latest.exists() else []
        if not history:
            write_whole(folder.root / "run.json", "{}")
        for epoch in range(len(history), settings.train.epochs):
            assert isinstance(settings.fold, int)
            self.epochs.append((settings.output.name, settings.fold, epoch))
            row = {"epoch": float(epoch)}
            dice = self.dice(settings, epoch)
            validates = (epoch + 1) % settings.validation.every == 0 or epoch + 1 == settings.train.epochs
            if validates:
                row |= {"validation/dice": dice, "validation/cldice": 1 - dice}
            history.append(row)
            state: dict[str, Any] = {
                "config": settings.model_dump(mode="json"),
                "preprocessing": PreprocessingSettings().model_dump(mode="json"),
                "classes": SINGLE.model_dump(mode="json"),
                "channels": ["image"],
                "network": {"in_channels": 1, "scales": 2, "ndim": 3},
                "prepared": {"shape": [16, 16, 16], "spacing_mm": [2.0, 1.0, 1.0]},
                "model": {},
            }
            save_checkpoint(latest, state | {"epoch": epoch + 1, "history": history})
            if validates:
                on_validation(epoch, {"dice": dice, "cldice": 1 - dice})
        return folder


class InterruptedAt(Interruption):
    """Interrupts before what is reported of the validation after so many."""

    def __init__(self, validations: int) -> None:
        super().__init__()
        self.left = validations

    @contextlib.contextmanager
    def not_now(self) -> Iterator[None]:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        with super().not_now():
            yield
