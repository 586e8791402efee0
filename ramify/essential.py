"""The mark of the settings that one needs of a command: its short --help shows them, --help-all every one.

It stands at the field itself: `epochs: Essential[int] = 2000`. What has no default needs no mark.
"""

from typing import Annotated, TypeVar

T = TypeVar("T")


class EssentialMark:
    """What marks a field."""


Essential = Annotated[T, EssentialMark()]
