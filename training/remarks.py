"""What of a training is hardly meant, told once, before its first step: a warning a line."""

from collections.abc import Iterator

from ramify.console.progress import say
from ramify.training.class_remarks import remarks_on_classes
from ramify.training.idle_settings import idle_settings
from ramify.training.other_folds import remarks_on_folds
from ramify.training.sample_remarks import remarks_on_samples
from ramify.training.state import Training


def tell_remarks(training: Training, steps: int) -> None:
    """Tell them, of a training that begins; steps: of an epoch."""
    for line in remarks_on(training, steps):
        say(f"warning: {training.folder.root}: {line}", error=True)


def remarks_on(training: Training, steps: int) -> Iterator[str]:
    """Settings without effect, what does not go with the cases and their classes, and folds that differ."""
    settings, median_shape = training.settings, training.description["prepared"]["shape"]
    yield from idle_settings(settings)
    yield from remarks_on_samples(settings, steps, median_shape, training.network.size_multiples)
    yield from remarks_on_classes(settings, training.runner.tasks)
    yield from remarks_on_folds(settings)
