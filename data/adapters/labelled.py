"""What the forms of data set share whose cases are an image and a label map each, in files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

from ramify.data.adapters.base import Reading, unknown_case
from ramify.data.adapters.class_choice import ClassChoice, LabelSource, choose_classes
from ramify.data.adapters.class_settings import NO_CLASSES, ClassSettings
from ramify.data.adapters.form_settings import LabelSettings
from ramify.data.adapters.labels import CaseFiles, LabelChoice, choose_labels_of
from ramify.data.adapters.likely_form import hint_of_root
from ramify.data.adapters.organ_hint import organ_hint
from ramify.data.channel_files import faults_of_channels, read_images
from ramify.data.class_maps import Fault
from ramify.data.file_names import natural_order
from ramify.data.files import stored_in
from ramify.data.label_names import DataSetLabels
from ramify.data.labelled_file import LabelledFile
from ramify.data.mask_files import MaskFiles
from ramify.data.raw_case import RawCase
from ramify.data.sources import CaseSources, provenance

OFFER = ", or tell them apart with classes or --every-class"


@dataclass(frozen=True)
class LabelledAdapter(ABC):
    """Cases of an image and a label map each; a form says where their files are and what their labels are called."""

    root: Path
    settings: LabelSettings
    resample_masks: bool = False
    channels: tuple[str, ...] = ()
    """Which channels are read; none takes what the form does."""
    classes: ClassSettings = NO_CLASSES
    """Classes that are told apart, in place of the vessels alone."""

    form: ClassVar[str]
    """As the setting `dataset` names it."""

    @classmethod
    def opened(cls, reading: Reading, settings: LabelSettings) -> Self:
        """The adapter of a data set of this form."""
        return cls(reading.root, settings, reading.resample_masks, reading.channels, reading.classes)

    @property
    @abstractmethod
    def _cases(self) -> Collection[str]:
        """Ids of all cases; raises ValueError or OSError where the root is no data set of this form."""

    @abstractmethod
    def _files(self, case_id: str) -> CaseFiles:
        """The files of a case there is; raises ValueError or OSError that names what lacks its partner."""

    @cached_property
    def _described(self) -> DataSetLabels | None:
        """What the data set says of its labels; None: a dataset.json beside them may."""
        return None

    def _described_in(self, files: CaseFiles) -> Path | None:
        """The file that says so, for errors about labels."""
        return None

    @property
    def _label_settings(self) -> LabelSettings:
        """The labels that are meant, with what the form takes where nothing is said."""
        return self.settings

    @property
    def _spacing_mm(self) -> tuple[float, ...] | None:
        """Spacing in place of the files'."""
        return None

    def _case(self, case_id: str) -> tuple[CaseFiles, LabelChoice | ClassChoice]:
        """The files of a case, and the labels that are meant in them."""
        if case_id not in self._cases:
            raise unknown_case(case_id, self.case_ids(), self.root)
        files = self._files(case_id)
        labels: LabelSource
        if isinstance(files.label, Path):
            described = self._described_in(files)
            labels = LabelledFile(files.label, self._spacing_mm, self._described, described, OFFER)
        else:
            labels = MaskFiles(files.label, self._spacing_mm, OFFER)
        organs = None if files.organ is None else LabelledFile(files.organ, self._spacing_mm, self._described)
        settings = self._label_settings
        if self.classes.is_given:
            organ, vessels = settings.organ_labels, settings.vessel_labels
            return files, choose_classes(self.classes, labels, organs, organ, vessels, self.form)
        return files, choose_labels_of(settings, labels, organs, self.form)

    def _sources(self, files: CaseFiles, choice: LabelChoice | ClassChoice) -> CaseSources:
        spacing = {} if self._spacing_mm is None else {"spacing_mm": list(self._spacing_mm)}
        used = {**choice.describe(), **files.channels.describe(), **spacing, "resample_masks": self.resample_masks}
        # Image and mask may be arrays of one file.
        paths = dict.fromkeys(part for path in files.present() for part in stored_in(path))
        return CaseSources(self.root, tuple(paths), used)

    def case_ids(self) -> list[str]:
        try:
            return sorted(self._cases, key=natural_order)
        except (ValueError, OSError) as error:
            if hint := hint_of_root(self.root, self.form):
                kind = FileNotFoundError if isinstance(error, OSError) else ValueError
                raise kind(f"{error}{hint}") from None
            raise

    def sources(self, case_id: str) -> CaseSources:
        return self._sources(*self._case(case_id))

    def faults(self, case_id: str) -> tuple[Fault, ...]:
        files, choice = self._case(case_id)
        return (*faults_of_channels(files.images, files.channels), *choice.faults())

    def load(self, case_id: str) -> RawCase:
        files, choice = self._case(case_id)
        images = read_images(files.images, files.channels, self._spacing_mm)
        case = choice.read(case_id, images, self.resample_masks)
        origin = provenance(self.form, self._sources(files, choice), {"channel_names": list(images)})
        hint = organ_hint(choice.labels, self.form, self.classes.is_given) if case.organ is None else ""
        return replace(case, provenance=origin, organ_hint=hint)
