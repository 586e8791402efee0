"""What of a training is hardly meant, told once, before its first step: a warning a line."""

from collections.abc import Iterator

from ramify.console.progress import say
from ramify.training.class_remarks import remarks_on_classes
from ramify.training.idle_settings import idle_settings
from ramify.training.other_folds import remarks_on_folds
from ramify.training.state import Training


def tell_remarks(training: Training) -> None:
    """Tell them, of a training that begins."""
    for line in remarks_on(training):
        say(f"warning: {training.folder.root}: {line}", error=True)


def remarks_on(training: Training) -> Iterator[str]:
    """Settings without effect, what does not go with the classes of the cases, and folds that differ."""
    settings = training.settings
    yield from idle_settings(settings)
    yield from remarks_on_classes(settings, training.runner.tasks)
    yield from remarks_on_folds(settings)
