"""Between two steps: whether the latest checkpoint is due, and whether the training is to stop there."""

import time
from collections.abc import Callable

from ramify.training.distributed import Ranks
from ramify.training.state import Training, save

Stop = Callable[[], str | None]
"""Asked between two steps: why the training is to stop there, or None to go on."""


class TrainingStopped(Exception):
    """A training was asked to stop and has; its latest checkpoint is where --resume goes on, bit for bit."""


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
            raise TrainingStopped(f"{self._where()} ({reason or 'another process was asked to stop'})")


def breaks_of(training: Training, stop: Stop | None) -> Breaks:
    """The breaks of a training, as its settings have them."""

    def where() -> str:
        at = f"epoch {training.epoch}, after {training.step} of its steps"
        return f"{training.folder.root}: stopped in {at}; checkpoints/latest.pt is saved, --resume goes on from there"

    minutes = training.settings.train.checkpoint_minutes
    return Breaks(training.ranks, minutes, stop, lambda: save(training, ["latest"]), where)
