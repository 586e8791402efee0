"""One adapter a data set, all behind the same small interface; `open_dataset` finds the one that is meant.

ircadb    3D-IRCADb-01 as it ships          data/adapters/ircadb.py
msd       Medical Segmentation Decathlon    data/adapters/msd.py
nnunet    nnU-Net's raw form                data/adapters/nnunet.py
pairs     plain pairs of image and mask     data/adapters/pairs.py
phantom   grown trees, nothing to download  data/adapters/phantom.py
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, field_validator

from ramify.data.adapters.base import Adapter
from ramify.data.adapters.ircadb import IrcadbAdapter, IrcadbSettings
from ramify.data.adapters.msd import MsdAdapter, MsdSettings
from ramify.data.adapters.nnunet import NnunetAdapter, NnunetSettings
from ramify.data.adapters.pairs import PairsAdapter, PairsSettings
from ramify.data.adapters.phantom import PhantomAdapter, PhantomDatasetSettings
from ramify.data.formats.colour import check_channel
from ramify.data.raw_case import RawCase
from ramify.data.sources import CaseSources

__all__ = ["ADAPTERS", "Adapter", "DatasetSettings", "open_dataset"]


class DatasetSettings(BaseModel, frozen=True, extra="forbid"):
    """Which data set, where it is, and how it is read."""

    dataset: Literal["ircadb", "msd", "nnunet", "pairs", "phantom"] = "phantom"
    """The data set's form; phantoms are grown and need no root."""
    root: Path | None = None
    """Folder of the data set."""
    resample_masks: bool = False
    """Bring masks that lie elsewhere than their image onto it in physical space; otherwise that is an error."""
    channel: str | None = None
    """Of pictures in colour: red, green, blue or luminance, or the number of the channel from 0."""
    patient_pattern: str = ""
    """Regular expression whose first group is the patient in a case id, e.g. "(.+)_scan"; none: each case is one."""
    ircadb: IrcadbSettings = Field(default_factory=IrcadbSettings)
    """3D-IRCADb-01."""
    msd: MsdSettings = Field(default_factory=MsdSettings)
    """Medical Segmentation Decathlon."""
    nnunet: NnunetSettings = Field(default_factory=NnunetSettings)
    """nnU-Net's raw form."""
    pairs: PairsSettings = Field(default_factory=PairsSettings)
    """Plain pairs of image and mask."""
    phantom: PhantomDatasetSettings = Field(default_factory=PhantomDatasetSettings)
    """Phantoms."""

    @field_validator("channel")
    @classmethod
    def _is_channel(cls, channel: str | None) -> str | None:
        return channel if channel is None else check_channel(channel)

    @field_validator("patient_pattern")
    @classmethod
    def _has_group(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"expected a regular expression, got {pattern!r} ({error})") from None
        if pattern and groups < 1:
            raise ValueError(f"expected a regular expression with a group (...) that is the patient, got {pattern!r}")
        return pattern


def _root(settings: DatasetSettings) -> Path:
    if settings.root is None:
        raise ValueError(f"dataset {settings.dataset}: --root is missing; give the folder of the data set")
    return settings.root


ADAPTERS: dict[str, Callable[[DatasetSettings], Adapter]] = {
    "ircadb": lambda settings: IrcadbAdapter(_root(settings), settings.ircadb, settings.resample_masks),
    "msd": lambda settings: MsdAdapter(_root(settings), settings.msd, settings.resample_masks, settings.channel),
    "nnunet": lambda settings: NnunetAdapter(
        _root(settings), settings.nnunet, settings.resample_masks, settings.channel
    ),
    "pairs": lambda settings: PairsAdapter(_root(settings), settings.pairs, settings.resample_masks, settings.channel),
    "phantom": lambda settings: PhantomAdapter(settings.phantom),
}


IN_GREY = ("ircadb", "phantom")
"""Data sets whose images are never pictures in colour."""


def open_dataset(settings: DatasetSettings) -> Adapter:
    """The adapter of the data set that the settings name; raises ValueError where they do not suffice.

    What the root holds is looked at when the adapter is first asked for its cases.
    """
    if settings.channel is not None and settings.dataset in IN_GREY:
        raise ValueError(f"--channel {settings.channel}: dataset {settings.dataset} has no colour; leave it out")
    adapter = ADAPTERS[settings.dataset](settings)
    return _NamedPatients(adapter, settings.patient_pattern) if settings.patient_pattern else adapter


@dataclasses.dataclass(frozen=True)
class _NamedPatients:
    """An adapter whose cases get their patient from their id, by a pattern."""

    adapter: Adapter
    pattern: str

    def case_ids(self) -> list[str]:
        return self.adapter.case_ids()

    def sources(self, case_id: str) -> CaseSources:
        return self.adapter.sources(case_id)

    def load(self, case_id: str) -> RawCase:
        match = re.search(self.pattern, case_id)
        if match is None or not match[1]:
            raise ValueError(
                f"case {case_id}: patient_pattern {self.pattern!r} finds no patient in it; correct the pattern"
            )
        return dataclasses.replace(self.adapter.load(case_id), patient_id=match[1])
