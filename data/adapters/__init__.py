"""One adapter a data set, all behind the same small interface; `open_dataset` finds the one that is meant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, create_model, field_validator, model_validator

from ramify.data.adapters.base import Adapter, Reading
from ramify.data.adapters.class_settings import ClassSettings
from ramify.data.adapters.patient_names import NamedPatients, check_patient_pattern
from ramify.data.adapters.table import DATA_SETS

__all__ = ["Adapter", "DatasetSettings", "open_dataset"]

_BY_NAME = {data_set.name: data_set for data_set in DATA_SETS}
if TYPE_CHECKING:
    DatasetName = str
else:
    # The names of the table, and no second list of them.
    DatasetName = Literal[tuple(_BY_NAME)]


class _SharedSettings(ClassSettings, frozen=True, extra="forbid"):
    """Which data set, and what can be said of any."""

    dataset: DatasetName = "phantom"
    """The data set's form; phantoms are grown and need no root."""
    root: Path | None = None
    """Folder of the data set."""
    resample_masks: bool = False
    """Bring masks that lie elsewhere than their image onto it in physical space; otherwise that is an error."""
    channels: tuple[str, ...] = ()
    """Which channels of the images, in this order: by name or number from 0, or all. Pictures have red, green, blue and
    luminance; nnU-Net and the Decathlon the names of dataset.json, and all of them where none is said; HDF5 and
    NumPy files their arrays."""
    patient_pattern: str = ""
    """Regular expression whose first group is the patient in a case id, e.g. "(.+)_scan"; none: each case is one."""

    @field_validator("patient_pattern")
    @classmethod
    def _has_group(cls, pattern: str) -> str:
        return check_patient_pattern(pattern)


# A section for the settings of every data set, named as the data set.
_SECTIONS: dict[str, Any] = {
    one.name: (one.settings, Field(default_factory=one.settings, description=one.title)) for one in DATA_SETS
}
_Sections = create_model("_Sections", __base__=_SharedSettings, **_SECTIONS)


class DatasetSettings(_Sections, frozen=True, extra="forbid"):
    """Which data set, where it is, and how it is read."""

    @model_validator(mode="after")
    def _says_vessels_once(self) -> Self:
        section = getattr(self, self.dataset)
        if self.of_classes and getattr(section, "vessel_labels", None):
            raise ValueError(
                f"classes and {self.dataset}.vessel_labels both say what the vessels are; give one of them"
            )
        return self


def open_dataset(settings: DatasetSettings) -> Adapter:
    """The adapter of the data set that the settings name; raises ValueError where they do not suffice.

    What the root holds is looked at when the adapter is first asked for its cases.

    Examples:
        >>> from ramify.data import DatasetSettings, open_dataset
        >>> phantoms = open_dataset(DatasetSettings.model_validate({"phantom": {"cases": 2}}))
        >>> list(phantoms.case_ids())
        ['phantom_000', 'phantom_001']
    """
    data_set = _BY_NAME[settings.dataset]
    if settings.channels and not data_set.has_channels:
        chosen = " ".join(settings.channels)
        raise ValueError(f"--channels {chosen}: dataset {data_set.name} has one channel; leave it out")
    if settings.root is None and data_set.in_files:
        raise ValueError(f"dataset {data_set.name}: --root is missing; give the folder of the data set")

    reading = Reading(settings.root or Path(), settings.resample_masks, settings.channels, settings)
    adapter = data_set.open(reading, getattr(settings, data_set.name))
    return NamedPatients(adapter, settings.patient_pattern) if settings.patient_pattern else adapter
