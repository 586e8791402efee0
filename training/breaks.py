"""Between two steps: whether the latest checkpoint is due, and whether the training is to stop there."""

import time
from collections.abc import Callable

from ramify.training.distributed import Ranks
from ramify.training.plan import counted
from ramify.training.state import Training, save

Stop = Callable[[], str | None]
"""Asked between two steps: why the training is to stop there, or None to go on."""

_OTHER = "another process was asked to stop"


class TrainingStopped(Exception):
    """A training was asked to stop and has; its latest checkpoint, if it has one, is where it goes on, bit for bit."""


class Breaks:
    """What all ranks do between two steps, together.

    Args:
        ranks: of the training.
        minutes: most minutes between two writes of the latest checkpoint; None leaves it to the epochs.
        stop: asked between two steps.
        save: writes the latest checkpoint; called on every rank at once.
        where: tells in words how far the training is and where its checkpoint lies.
    """

    def __init__(
        self,
        ranks: Ranks,
        minutes: float | None,
        stop: Stop | None,
        save: Callable[[], None],
        where: Callable[[], str],
    ) -> None:
        self._ranks, self._stop, self._save, self._where = ranks, stop, save, where
        self._seconds = None if minutes is None else 60 * minutes
        self._saved = time.monotonic()

    def saved(self) -> None:
        """The latest checkpoint was written just now."""
        self._saved = time.monotonic()

    def before_the_first_step(self) -> None:
        """Stop where any rank was asked to while everything was set up; there is nothing to save.

        Raises:
            TrainingStopped: asked to stop.
        """
        reason = self._stop() if self._stop else None
        if self._ranks.any_of(reason is not None)[0]:
            raise TrainingStopped(f"{self._where()} ({reason or _OTHER})")

    def take(self) -> None:
        """Save where that is due on the first rank, stop where any rank was asked to.

        Raises:
            TrainingStopped: asked to stop; the latest checkpoint was written.
        """
        reason = self._stop() if self._stop else None
        due = self._seconds is not None and time.monotonic() - self._saved >= self._seconds
        # The clocks of several machines differ, and a signal may reach one of them alone.
        stops, saves = self._ranks.any_of(reason is not None, due and self._ranks.writes)
        if not (stops or saves):
            return
        self._save()
        self.saved()
        if stops:
            raise TrainingStopped(f"{self._where()} ({reason or _OTHER})")


def breaks_of(training: Training, stop: Stop | None) -> Breaks:
    """The breaks of a training, as its settings have them."""

    def where() -> str:
        if not (training.epoch or training.step):
            return f"{training.folder.root}: stopped before its first step, nothing was there to save"
        parts = [counted(training.epoch, "epoch")] if training.epoch else []
        parts += [counted(training.step, "step") + (" of the next one" if training.epoch else "")] * bool(training.step)
        return f"{training.folder.root}: stopped after {' and '.join(parts)}; checkpoints/latest.pt is saved"

    minutes = training.settings.train.checkpoint_minutes
    return Breaks(training.ranks, minutes, stop, lambda: save(training, ["latest"]), where)
