"""What stands beside masks that were cleaned up, for people, and for whoever scores them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ramify.data.mask_folders import masks_by_case
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


def check_same_clean_up(folder: Path, note: str | None, names: Sequence[str]) -> None:
    """Raise ValueError where a note would speak of masks that were not cleaned up so: those that stay in the folder.

    Args:
        folder: of masks, which may be there already.
        note: how masks of this call are cleaned up; None: they are not.
        names: of the files that this call writes.
    """
    masks = [path.name for files in masks_by_case(folder).values() for path in files] if folder.is_dir() else []
    stays = sorted(name for name in masks if name not in names)
    path = folder / CLEAN_UP
    before = path.read_text(encoding="utf-8") if path.is_file() else None
    if stays and before != note:
        raise ValueError(
            f"{folder}: {stays[0]} stays there and was cleaned up otherwise, and {CLEAN_UP} speaks of all masks of a "
            "folder; take another --output, or segment all of them again"
        )


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
