"""The setting that counts what is in no channel as well, and what it was called before."""

from typing import Any

from pydantic import BaseModel, model_validator


class ComplementSettings(BaseModel, frozen=True, extra="forbid"):
    """Settings with a `complement`."""

    @model_validator(mode="before")
    @classmethod
    def _former_name(cls, given: Any) -> Any:
        if isinstance(given, dict) and "include_background" in given:
            raise ValueError("include_background: it is called complement now, as it is of no channel; write that")
        return given
