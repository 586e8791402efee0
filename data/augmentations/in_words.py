"""Which augmentations are on, in words and numbers: each with its range and the share of samples that get it."""

from collections.abc import Iterator

from ramify.data.augmentations.kind_settings import Occasional, OfChannels
from ramify.data.augmentations.settings import AugmentationSettings


def augmentations_in_words(settings: AugmentationSettings) -> list[str]:
    """A few words for each that is on, in the order of the settings.

    Examples:
        >>> from ramify.data import AugmentationSettings
        >>> from ramify.data.augmentations.in_words import augmentations_in_words
        >>> settings = AugmentationSettings.model_validate({"noise": {"probability": 0.15}, "gamma_probability": 0})
        >>> augmentations_in_words(settings)
        ['rotation to 15 degrees and shift to 10 mm (50 %)', 'flips (50 % an axis)', 'noise, sd 0 to 0.1 (15 %)']
    """
    return [*_moves(settings), *_kinds(settings), *_gamma(settings)]


def _moves(settings: AugmentationSettings) -> Iterator[str]:
    moves = [f"rotation to {settings.rotation_degrees:g} degrees"] * bool(settings.rotation_degrees)
    moves += [f"shift to {settings.translation_mm:g} mm"] * bool(settings.translation_mm)
    if settings.probability and moves:
        yield f"{' and '.join(moves)} ({_percent(settings.probability)})"
    if settings.flip_probability:
        yield f"flips ({_percent(settings.flip_probability)} an axis)"


def _kinds(settings: AugmentationSettings) -> Iterator[str]:
    for name, section in settings:
        if isinstance(section, Occasional) and section.probability:
            # The range that is drawn from: the one setting of a kind that has two numbers.
            own = ((field, value) for field, value in section if field not in OfChannels.model_fields)
            field, (low, high) = next((field, value) for field, value in own if isinstance(value, tuple))
            what, _, unit = field.partition("_")
            drawn = f"{what} {low:g} to {high:g}{f' {unit}' if unit else ''}"
            yield f"{name.replace('_', ' ')}, {drawn} ({_percent(section.probability)})"


def _gamma(settings: AugmentationSettings) -> Iterator[str]:
    low, high = settings.gamma
    if settings.gamma_probability and (low, high) != (1.0, 1.0):
        yield f"gamma {low:g} to {high:g} ({_percent(settings.gamma_probability)})"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
