"""What the images of a training were, as far as prediction must take the same: data set's form, channel, labels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, PositiveFloat

_CHANNEL = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})")


def channel_ending(channel: int) -> str:
    """What the names of a channel's files end in under nnU-Net's layout: 1 -> _0001."""
    return f"_{channel:04d}"


def split_channel(name: str) -> tuple[str, int | None]:
    """A name without suffix, as nnU-Net reads it: its case and its channel, or the whole name and None."""
    match = _CHANNEL.fullmatch(name)
    return (match["case"], int(match["channel"])) if match else (name, None)


class ImageSource(BaseModel, frozen=True, extra="ignore"):
    """Where a training's images came from. Plain data: a checkpoint carries it under `source`."""

    form: str = ""
    """Form of the data set, as `dataset` names it; empty where the cases do not say."""
    channel_names: tuple[str, ...] = ()
    """What its channels are called, in the order of the network's input."""
    files: tuple[int, ...] = ()
    """For each channel the number that its file's name ends in, as in nnU-Net's layout: CASE_0001 is channel 1 of CASE.
    None where a case is one file."""
    known_files: tuple[int, ...] = ()
    """All numbers that its cases had, where that is known."""
    picked: tuple[str, ...] = ()
    """Which channels of a file with several: names, numbers, or all; none where its files had one."""
    key: str = ""
    """Which array of an HDF5 or NumPy file."""
    spacing_mm: tuple[PositiveFloat, ...] | None = None
    """Spacing (z y x, or y x) that was given in place of the files'."""
    vessel_labels: tuple[int | str, ...] = ()
    """Labels or segments that were the vessels; none where the files were plain masks."""
    organ_labels: tuple[int | str, ...] = ()
    """Labels or segments that were the organ."""
    labels: dict[str, tuple[int, ...]] = {}
    """What the numbers in its label maps were called, as far as its dataset.json said."""

    @classmethod
    def of_records(cls, records: Sequence[Mapping[str, Any]]) -> ImageSource:
        """What the records of prepared cases say, as far as all of them say the same."""
        told = [_told(record.get("provenance") or {}) for record in records]
        known = sorted({number for one in told for number in one["known_files"]})
        told = [{**one, "known_files": known} for one in told]
        shared = {
            key: value for key, value in (told[0] if told else {}).items() if all(value == one[key] for one in told)
        }
        return cls.model_validate(shared)


def _told(provenance: Mapping[str, Any]) -> dict[str, Any]:
    used = provenance.get("settings") or {}
    several = ("channel_names", "files", "known_files", "picked", "vessel_labels", "organ_labels")
    return {
        "form": provenance.get("adapter") or "",
        "key": used.get("key") or "",
        "spacing_mm": used.get("spacing_mm"),
        "labels": used.get("labels") or {},
        **{name: used.get(name) or () for name in several},
    }
