"""Which images a script is given, and how they and their organ masks are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pydantic import BaseModel, PositiveFloat, field_validator, model_validator

from ramify.data.formats.channels import ALL
from ramify.essential import Essential

WHOLE_NAMES = "none"
"""As --channels: no number is a channel, and files have one channel, as the network knows it."""

ENDING = re.compile(r"_(\d{4})")


def check_option(channels: Sequence[str]) -> tuple[str, ...]:
    """The value of --channels, if it is one: nothing, none, _0000 and so on, or channels of a file. ValueError."""
    endings = [bool(ENDING.fullmatch(one)) for one in channels]
    if any(endings) and not all(endings):
        raise ValueError(f"expected either files such as _0000 or channels of a file, got {' '.join(channels)!r}")
    for one in channels:
        if one in (WHOLE_NAMES, ALL) and len(channels) > 1:
            raise ValueError(f"expected {one} alone, got {' '.join(channels)!r}")
        if not one or channels.count(one) > 1:
            raise ValueError(f"expected each channel once, got {' '.join(channels)!r}")
    return tuple(channels)


class InputSettings(BaseModel, frozen=True, extra="forbid"):
    """Which images to segment, and how they and their organ masks are read."""

    input: Essential[Path | None] = None
    """CT: a volume file, a DICOM folder, a zip or tar of one, a folder of volume files, or one of patients, each a
    DICOM folder or its archive, or with a PATIENT_DICOM in it."""
    series: str = ""
    """Which series of DICOM folders that hold several: its number, or its description."""
    organ: Essential[Path | None] = None
    """Organ mask: a file, a DICOM folder, or a folder with one mask a case, named as the CTs. In a path {case} stands
    for the case: PATIENTS/{case}/MASKS_DICOM/liver."""
    organ_labels: Essential[tuple[str, ...]] = ()
    """Which labels of a label map are the organ, by number or name; or which segments of a .seg.nrrd, by name."""
    channels: tuple[str, ...] = ()
    """The channels the network was trained on, in its order, where its checkpoint does not say: red, green, blue,
    luminance, numbers, names or all for files with several, _0000 (_0001, ...) for CASE_0000.nii.gz of nnU-Net's
    layout. Or none: names are whole, numbers part of them, and files have one channel."""
    spacing_mm: tuple[PositiveFloat, ...] = ()
    """Voxel size in mm (z y x, or y x) in place of the files' own. TIFF and pictures carry none: without it theirs is
    what the training's images were given, or 1."""
    resample_masks: bool = False
    """Bring organ masks that lie on another grid onto the CT's, in physical space."""

    @field_validator("channels")
    @classmethod
    def _are_channels(cls, channels: tuple[str, ...]) -> tuple[str, ...]:
        return check_option(channels)

    @model_validator(mode="after")
    def _organ_has_labels(self) -> Self:
        if self.organ_labels and self.organ is None:
            raise ValueError("--organ-labels: there is no --organ with labels; give both or neither")
        return self
