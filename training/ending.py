"""When a training is over: after its last epoch, or once it has not become better for long enough."""

from collections.abc import Mapping, Sequence

from ramify.training.plan import counted
from ramify.training.settings import RunSettings

Row = Mapping[str, float]


def is_over(settings: RunSettings, history: Sequence[Row]) -> bool:
    """Whether the epochs in a history are all there are going to be."""
    return len(history) >= settings.train.epochs or is_out_of_patience(settings, history)


def is_out_of_patience(settings: RunSettings, history: Sequence[Row]) -> bool:
    """Whether so many validations as the patience goes have come after the best one."""
    patience, scores = settings.validation.patience, _scores(settings, history)
    return patience is not None and bool(scores) and len(scores) - 1 - scores.index(max(scores)) >= patience


def told(settings: RunSettings, history: Sequence[Row]) -> str:
    """Why a training is over before its last epoch, in words."""
    measure, patience = settings.validation.best_by, settings.validation.patience
    assert patience is not None, "or it would go on"
    epoch, score = max(
        ((row["epoch"], row[f"validation/{measure}"]) for row in history if f"validation/{measure}" in row),
        key=lambda found: found[1],
    )
    return (
        f"over after {len(history)} of {settings.train.epochs} epochs: {counted(patience, 'validation')} "
        f"without a {measure} above the {score:.3f} of epoch {epoch + 1:.0f}"
    )


def _scores(settings: RunSettings, history: Sequence[Row]) -> list[float]:
    measure = f"validation/{settings.validation.best_by}"
    return [row[measure] for row in history if measure in row]
