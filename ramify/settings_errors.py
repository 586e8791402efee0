"""What is wrong with settings, in one line: of a file, of a flag, or of a call in Python."""

import difflib
import types
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails


def first_complaint(
    error: ValidationError, settings_class: type[BaseModel], shown: Callable[[str], str] = lambda text: text
) -> str:
    """The first of them, as `complaint_of` has it."""
    return complaint_of(error.errors(include_url=False)[0], settings_class, shown)


def complaint_of(
    details: ErrorDetails, settings_class: type[BaseModel], shown: Callable[[str], str] = lambda text: text
) -> str:
    """The key's full name, what is wrong, and the near miss of an unknown key.

    Args:
        details: one of pydantic's errors.
        settings_class: whose settings they are.
        shown: what is made of a user's own words, such as no more than so many of them.
    """
    key = shown(".".join(str(part) for part in details["loc"]))
    if details["type"] == "extra_forbidden":
        known = _keys_beside(settings_class, [str(part) for part in details["loc"][:-1]])
        near = difflib.get_close_matches(str(details["loc"][-1]), known, n=1, cutoff=0.5)
        prefix = key.rpartition(".")[0]
        hint = f"did you mean {prefix + '.' if prefix else ''}{near[0]}?" if near else f"known: {', '.join(known)}"
        return f"{key}: unknown key; {hint}"
    if details["type"] == "missing":
        return f"{key}: missing; it has no default"
    message = details["msg"].removeprefix("Value error, ")
    if not key:
        return message
    # Checks of a field as a whole name it, and what came, themselves.
    said = message.removeprefix(f"{details['loc'][-1]}: ")
    return f"{key}: {said}" if said != message else f"{key}: {message} (got {shown(repr(details['input']))})"


def _keys_beside(settings_class: type[BaseModel], section: list[str]) -> list[str]:
    """The keys a section of the settings knows."""
    current = settings_class
    for part in section:
        field = current.model_fields.get(part)
        inner = model_in(field.annotation) if field else None
        if inner is None:
            return []
        current = inner
    return list(current.model_fields)


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The settings model in an annotation such as `Model` or `Model | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return next((m for a in typing.get_args(annotation) if (m := model_in(a)) is not None), None)
    return None


if TYPE_CHECKING:

    class PythonSettings(BaseModel):
        """Settings that people write down in Python: `ScaleSettings(quantiles=2)` raises a ValueError of one line."""

else:

    class _OneLine(type(BaseModel)):
        # Of a call alone: what validates a file, or settings within others, is told by pydantic where it went wrong.
        def __call__(cls, *args: Any, **given: Any) -> Any:
            try:
                return super().__call__(*args, **given)
            except ValidationError as error:
                raise ValueError(f"{cls.__name__}: {first_complaint(error, cls)}") from None

    class PythonSettings(BaseModel, metaclass=_OneLine):
        """Settings that people write down in Python: `ScaleSettings(quantiles=2)` raises a ValueError of one line."""
