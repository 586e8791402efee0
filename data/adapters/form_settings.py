"""What a user chooses about each form of data set."""

from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, Field, field_validator

from ramify.data.case_paths import CASE
from ramify.phantoms.settings import PhantomSettings


class LabelSettings(BaseModel, frozen=True, extra="forbid"):
    """Which labels are the vessels, and where the organ is."""

    vessel_labels: tuple[str, ...] = ()
    """Names or numbers of the labels that are vessels, or any for all; none takes the only label there is. To tell them
    apart, give classes instead."""
    organ_labels: tuple[str, ...] = ()
    """Names or numbers of the labels that are the organ: in the organ file if there is one, else in the label map,
    where the vessels' labels are part of it unless one of them is named here."""


class IrcadbSettings(BaseModel, frozen=True, extra="forbid"):
    """3D-IRCADb-01: which of its structures are the vessels."""

    vessels: Literal["portal", "portal+hepatic", "portal+hepatic+artery", "+artery"] = "portal+hepatic"
    """Vessels to segment: portal vein; with hepatic veins; with arteries, too (`+artery` is short for the last). To
    tell them apart, give classes instead, of structures as their folders are called, or of portal, hepatic, artery,
    tumours, liver, which stand for all spellings."""


class MsdSettings(LabelSettings, frozen=True, extra="forbid"):
    """Medical Segmentation Decathlon: which labels are the vessels, and where the organ is."""

    vessel_labels: tuple[str, ...] = ()
    """Names or numbers of the labels that are vessels, or any for all; none takes the label called vessel. To tell them
    apart, give classes instead."""
    organs: Path | None = None
    """Folder with an organ mask a case, of the case's own name; the tasks come without one."""


class NnunetSettings(LabelSettings, frozen=True, extra="forbid"):
    """nnU-Net's raw form: which labels are the vessels, and where the organ is."""

    organs: Path | None = None
    """Folder with an organ mask a case, of the case's own name; none takes organ_labels of the label map, if any."""


class PairsSettings(LabelSettings, frozen=True, extra="forbid"):
    """Plain pairs: where image, label and organ of a case are, seen from the root."""

    image: str | dict[str, str] = "images/{case}.*"
    """Pattern of the images; {case} stands for the case's id, * for anything. Several by name, {T1: "{case}_t1.nii.gz",
    T2: "{case}_t2.nii.gz"}, are channels."""
    label: str | dict[str, str] = ""
    """Pattern of the vessel masks; none takes labels/{case}.* or masks/{case}.*, whichever folder is there. Several by
    name, {artery: "arteries/{case}.png", vein: "veins/{case}.png"}, are masks of their own, a structure each."""
    organ: str = ""
    """Pattern of the organ masks; none takes organs/{case}.* if that folder is there."""
    labelled_only: bool = False
    """Leave out images without a label, such as a data set's unlabelled part; otherwise that is an error."""
    spacing_mm: tuple[float, ...] | None = None
    """Spacing (z y x, or y x) to use in place of the files'; TIFF and pictures have none, theirs is 1 unless given."""

    @field_validator("image", "label", "organ")
    @classmethod
    def _holds_case(cls, given: str | dict[str, str]) -> str | dict[str, str]:
        if isinstance(given, dict) and not given:
            raise ValueError(f"expected a pattern, or several by name, such as images/{CASE}.*")
        for pattern in given.values() if isinstance(given, dict) else [given]:
            if (pattern or isinstance(given, dict)) and pattern.count(CASE) != 1:
                raise ValueError(f"expected a pattern with {CASE} in it once, such as images/{CASE}.*, got {pattern!r}")
        return given


class PhantomDatasetSettings(PhantomSettings, frozen=True, extra="forbid"):
    """A data set of phantoms: what each of them is, how many, and their seeds."""

    cases: int = Field(default=12, ge=1, le=100_000)
    """How many."""
    first_seed: int = Field(default=0, ge=0)
    """Seed of the first; each following case takes the next."""


class FormSettings(NamedTuple):
    """What is said of a form of data set among the settings."""

    title: str
    """What it is, for --help."""
    settings: type[BaseModel]
    """Its own settings; all have defaults."""


FORM_SETTINGS: dict[str, FormSettings] = {
    "ircadb": FormSettings("3D-IRCADb-01.", IrcadbSettings),
    "msd": FormSettings("Medical Segmentation Decathlon.", MsdSettings),
    "nnunet": FormSettings("nnU-Net's raw form.", NnunetSettings),
    "pairs": FormSettings("Plain pairs of image and mask.", PairsSettings),
    "phantom": FormSettings("Phantoms.", PhantomDatasetSettings),
}
"""Every form by name: as the setting `dataset` has it, and the section of its own settings. How it is read stands under
the same name in `data/adapters/table.py`."""
