"""What stands beside masks that were cleaned up, for people, and for whoever scores them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ramify.disk.json_files import read_json, to_json

CLEAN_UP = "clean_up.json"
"""Of a run: what was learned of its clean-up. Beside masks: how they were cleaned up."""


class _Note(BaseModel, frozen=True, extra="ignore"):
    in_words: dict[str, str]


def clean_up_note(rules: Mapping[str, Any], in_words: Mapping[str, str]) -> str:
    """The note, as JSON.

    Args:
        rules: of each class or region by name, as plain data.
        in_words: the same for people.
    """
    return to_json({"rules": dict(rules), "in_words": dict(in_words)})


def clean_up_beside(masks: Path) -> dict[str, str]:
    """How masks were cleaned up, in words for each class or region; empty where no note of ours says so.

    masks: their folder, or one of them.
    """
    path = (masks if masks.is_dir() else masks.parent) / CLEAN_UP
    try:
        return dict(_Note.model_validate(read_json(path)).in_words)
    except (ValidationError, ValueError, OSError):
        # A file of that name may be anybody's, and no score hangs on it.
        return {}
