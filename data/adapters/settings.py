"""Which data set, where it is, and how it is read, as a user says it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, create_model, field_validator, model_validator

from ramify.data.adapters.class_settings import ClassSettings
from ramify.data.adapters.form_settings import FORM_SETTINGS
from ramify.essential import Essential

if TYPE_CHECKING:
    DatasetName = str
else:
    # The names of the table, and no second list of them.
    DatasetName = Literal[tuple(FORM_SETTINGS)]


def check_patient_pattern(pattern: str) -> str:
    """The pattern; raises ValueError unless it is a regular expression with a group, or empty."""
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"expected a regular expression, got {pattern!r} ({error})") from None
    if pattern and groups < 1:
        raise ValueError(f"expected a regular expression with a group (...) that is the patient, got {pattern!r}")
    return pattern


class _SharedSettings(ClassSettings, frozen=True, extra="forbid"):
    """Which data set, and what can be said of any."""

    dataset: Essential[DatasetName] = "phantom"
    """The data set's form; phantoms are grown and need no root."""
    root: Essential[Path | None] = None
    """Folder of the data set."""
    resample_masks: bool = False
    """Bring masks that lie elsewhere than their image onto it in physical space; otherwise that is an error."""
    channels: tuple[str, ...] = ()
    """Which channels of the images, in this order: by name or number from 0, or all. Pictures have red, green, blue and
    luminance; nnU-Net and the Decathlon the names of dataset.json, and all of them where none is said; HDF5 and
    NumPy files their arrays."""
    patient_pattern: Essential[str] = ""
    """Regular expression whose first group is the patient in a case id, e.g. "(.+)_scan"; none: each case is one."""

    @field_validator("patient_pattern")
    @classmethod
    def _has_group(cls, pattern: str) -> str:
        return check_patient_pattern(pattern)


# A section for the settings of every data set, named as the data set.
_SECTIONS: dict[str, Any] = {
    name: (form.settings, Field(default_factory=form.settings, description=form.title))
    for name, form in FORM_SETTINGS.items()
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
