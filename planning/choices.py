"""A setting that was chosen, and why; and settings with what was chosen in them."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from ramify.settings_errors import first_complaint

SettingsT = TypeVar("SettingsT", bound=BaseModel)


class Choice(NamedTuple):
    """A setting by its dotted key, what was chosen for it, and why in words."""

    key: str
    value: Any
    why: str


def is_named(key: str, named: Collection[str]) -> bool:
    """Whether a setting, or the section or part of one that holds or belongs to it, is among those that were named.

    Examples:
        >>> from ramify.planning.choices import is_named
        >>> is_named("loading.patch_size", {"loading.patch_size"}), is_named("loading.patch_size", {"loading.workers"})
        (True, False)
    """
    return any(key == each or each.startswith(f"{key}.") or key.startswith(f"{each}.") for each in named)


def applied(settings: SettingsT, choices: Iterable[Choice]) -> SettingsT:
    """The settings with what was chosen in the place of what they had; checked anew, section by section.

    Raises ValueError where a choice does not fit what stays.

    Examples:
        >>> from pydantic import BaseModel
        >>> from ramify.planning.choices import Choice, applied
        >>> class Loading(BaseModel):
        ...     batch_size: int = 2
        >>> class Settings(BaseModel):
        ...     loading: Loading = Loading()
        >>> applied(Settings(), [Choice("loading.batch_size", 4, "memory is left")]).loading.batch_size
        4
    """
    for choice in choices:
        settings = _with(settings, choice.key.split("."), choice.value)
    return settings


def _with(settings: SettingsT, keys: Sequence[str], value: Any) -> SettingsT:
    first, *rest = keys
    new = _with(getattr(settings, first), rest, value) if rest else value
    if not rest:
        # A section has the checks of its fields beside one another; the whole has files and flags behind it.
        try:
            return type(settings).model_validate({**dict(settings), first: new})
        except ValidationError as error:
            raise ValueError(f"--auto: {first_complaint(error, type(settings))}") from None
    return settings.model_copy(update={first: new})


def written(value: Any) -> str:
    """A value as one types it behind its flag, or in a file where it is a row of rows.

    Examples:
        >>> from ramify.planning.choices import written
        >>> written((64, 128, 128)), written(None), written(((1, 2, 2), (2, 2, 2)))
        ('64 128 128', 'none', '[[1, 2, 2], [2, 2, 2]]')
    """
    if value is None:
        return "none"
    if isinstance(value, tuple | list):
        if any(isinstance(part, tuple | list) for part in value):
            return str([list(part) for part in value])
        return " ".join(written(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def by_axis(lengths: Iterable[float]) -> str:
    """A length along each axis, as one reads it.

    Examples:
        >>> from ramify.planning.choices import by_axis
        >>> by_axis((64, 128, 128)), by_axis([1.6, 0.743])
        ('64 x 128 x 128', '1.6 x 0.743')
    """
    return " x ".join(f"{length:g}" for length in lengths)


def lines_of(choices: Iterable[Choice]) -> list[str]:
    """A line a choice: its key, what was chosen, and why.

    Examples:
        >>> from ramify.planning.choices import Choice, lines_of
        >>> lines_of([Choice("loading.batch_size", 2, "the least")])
        ['auto:        loading.batch_size 2: the least']
    """
    return [f"auto:        {choice.key} {written(choice.value)}: {choice.why}" for choice in choices]
