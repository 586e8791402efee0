"""Settings of the stages of an experiment, in layers: files, what all variants share, what is special about one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel


def nested(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys as sections within sections: {"a.b": 1, "a": {"c": 2}} is {"a": {"b": 1, "c": 2}}.

    Raises ValueError where a key is given twice.
    """
    found: dict[str, Any] = {}
    for key, value in overrides.items():
        inner = nested(value) if isinstance(value, Mapping) else value
        for part in reversed(str(key).split(".")):
            inner = {part: inner}
        _join(found, inner)
    return found


def _join(into: dict[str, Any], more: Mapping[str, Any], above: str = "") -> None:
    for key, value in more.items():
        if key not in into:
            into[key] = value
        elif isinstance(into[key], dict) and isinstance(value, Mapping):
            _join(into[key], value, f"{above}{key}.")
        else:
            raise ValueError(f"{above}{key} is given twice")


Overrides = Annotated[dict[str, Any], AfterValidator(nested)]
"""Settings by dotted keys (`loss.main.dice: 0.5`), by nested sections, or both."""


class LayerSettings(BaseModel, frozen=True, extra="forbid"):
    """Settings of a stage, as a script of that stage would be given them."""

    configs: tuple[Path, ...] = ()
    """YAML files, each on top of the one before."""
    settings: Overrides = {}
    """On top of the files, for every variant."""


class VariantSettings(BaseModel, frozen=True, extra="forbid"):
    """What is special about a variant; nothing, for the settings as they are."""

    train: Overrides = {}
    """On top of the experiment's settings of the training."""
    preprocess: Overrides = {}
    """On top of the experiment's settings of the preprocessing: such a variant gets prepared cases of its own."""
