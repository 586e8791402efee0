"""What stands beside a predicted mask: which networks made it, of which files, with which settings and which code."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ramify.data.file_names import case_name
from ramify.data.files import stored_in
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


class PredictionRecord(BaseModel, frozen=True, extra="ignore"):
    """The record of a mask as it was written; see `prediction_record`."""

    mask_sha256: str
    networks: tuple[_Network, ...]
    settings: dict[str, Any]
    versions: dict[str, str]
    files: tuple[str, ...] = ()
    asked: dict[str, Any] = {}

    def is_by(self, networks: Sequence[str]) -> bool:
        """Whether the mask is by these networks, SHA-256 of each."""
        return [one.sha256 for one in self.networks] == [*networks]

    def would_come_out_again(self, files: Sequence[Path], asked: Mapping[str, Any]) -> bool:
        """Whether its networks would make the same mask, by this code.

        Args:
            files: what would be read: of an image or mask its file, or its folder of slices.
            asked: as for `prediction_record`.

        Raises ValueError or OSError for a file that cannot be read.
        """
        # What takes longest comes last.
        return self.versions == versions() and self.asked == asked and [*self.files] == digests(files)


def prediction_record(
    mask: Path,
    networks: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    files: Sequence[str],
    asked: Mapping[str, Any],
) -> dict[str, object]:
    """The record of a mask, as plain data.

    Args:
        mask: its file, as it was written: the record is of that content alone.
        networks: of each that predicted it `file`, its `sha256`, and how many `epochs` it was trained for.
        settings: of the prediction, for who reads it.
        files: `digests` of what was read, from before it was: what changes meanwhile is in no mask.
        asked: what was asked for, for `PredictionRecord.would_come_out_again`.
    """
    return {
        "mask_sha256": fingerprint(mask),
        "networks": [dict(one) for one in networks],
        "settings": dict(settings),
        "versions": versions(),
        "files": [*files],
        "asked": dict(asked),
    }


def digests(files: Sequence[Path]) -> list[str]:
    """SHA-256 of files, with the data beside headers, and of folders; raises ValueError or OSError as they are read."""
    return [fingerprint(part) for path in files for part in ([path] if path.is_dir() else stored_in(path))]


def record_of(mask: Path) -> PredictionRecord | None:
    """The record beside a mask; None where there is none, or the mask was changed since: it is of what was written."""
    try:
        record = PredictionRecord.model_validate(read_json(mask.with_name(f"{case_name(mask)}{RECORD_SUFFIX}")))
        return record if record.mask_sha256 == fingerprint(mask) else None
    except (ValidationError, ValueError, OSError):
        # A file of that name may be anybody's, and no score hangs on it.
        return None


def record_beside(mask: Path) -> dict[str, object] | None:
    """The same without what is the mask's own, as plain data, so that masks of one prediction have one."""
    record = record_of(mask)
    return None if record is None else record.model_dump(mode="json", exclude={"mask_sha256", "files", "asked"})


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
