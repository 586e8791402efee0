"""What stands beside a predicted mask: which networks made it, with which settings and which code."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ramify.data.file_names import case_name
from ramify.data.provenance import versions
from ramify.disk.digests import fingerprint
from ramify.disk.json_files import read_json

RECORD_SUFFIX = "_prediction.json"
"""Behind a case's name."""
_SHOWN_DIGITS = 12


class _Network(BaseModel, frozen=True, extra="ignore"):
    file: str
    sha256: str
    epochs: int


class _Record(BaseModel, frozen=True, extra="ignore"):
    mask_sha256: str
    networks: tuple[_Network, ...]
    settings: dict[str, Any]
    versions: dict[str, str]


def prediction_record(
    mask: Path, networks: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]
) -> dict[str, object]:
    """The record of a mask, as plain data.

    Args:
        mask: its file, as it was written: the record is of that content alone.
        networks: of each that predicted it `file`, its `sha256`, and how many `epochs` it was trained for.
        settings: of the prediction.
    """
    return {
        "mask_sha256": fingerprint(mask),
        "networks": [dict(one) for one in networks],
        "settings": dict(settings),
        "versions": versions(),
    }


def record_beside(mask: Path) -> dict[str, object] | None:
    """The record of a mask without what is the mask's own, so that masks of one prediction have one.

    None where there is none, or the mask was changed since: a record speaks of what was written with it.
    """
    try:
        record = _Record.model_validate(read_json(mask.with_name(f"{case_name(mask)}{RECORD_SUFFIX}")))
        if record.mask_sha256 != fingerprint(mask):
            return None
    except (ValidationError, ValueError, OSError):
        # A file of that name may be anybody's, and no score hangs on it.
        return None
    return record.model_dump(mode="json", exclude={"mask_sha256"})


def in_words(record: Mapping[str, Any]) -> list[str]:
    """What a record says: a line for each network, one for the settings, one for the code."""
    networks = [
        f"{one['file']} (epochs {one['epochs']}, SHA-256 {one['sha256'][:_SHOWN_DIGITS]}…)"
        for one in record["networks"]
    ]
    settings = ", ".join(f"{key} {_told(value)}" for key, value in record["settings"].items())
    code = record["versions"]
    return [*networks, settings, f"ramify {code.get('ramify', 'unknown')}, commit {code.get('commit', 'unknown')}"]


def _told(value: object) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return str(value)
