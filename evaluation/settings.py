"""What evaluate.py is asked: which masks to compare, how, and what to show of it."""

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, Field, model_validator

from ramify.data.case_choice import CaseChoice
from ramify.data.case_paths import CASE, is_of_each_case, what_masks_are_called
from ramify.essential import Essential
from ramify.metrics.classes import ClassSet
from ramify.metrics.settings import EvaluationSettings
from ramify.processes.crew_settings import CrewSettings
from ramify.report.settings import PresentationSettings


class Comparison(BaseModel, frozen=True, extra="forbid"):
    """What to compare with what, and where the scores go."""

    prediction: Path
    """Folder of predicted masks, one mask, or a path with {case} where the case's name goes: OUT/{case}_vein.nii.gz."""
    truth: Path
    """As prediction, for the truth: PATIENTS/{case}/MASKS_DICOM/portalvein."""
    output: Path
    """Folder for metrics.json and metrics.csv; made if missing."""
    organ: Essential[Path | None] = None
    """As prediction, for organ masks: only what lies in the organ counts. Masks are best as drawn, not cut."""
    image: Essential[Path | None] = None
    """Images to show in slices under the errors of a report: all that predict.py reads as --input (a file, a DICOM
    folder, an archive, a folder of such), or a path with {case} where the case's name goes:
    PATIENTS/{case}/PATIENT_DICOM."""
    prediction_suffix: str = ""
    """Of a folder, take only predictions whose name ends so, e.g. _vessel for CASE_vessel.nii.gz; no part of the case's
    name."""
    truth_suffix: str = ""
    """As prediction_suffix, for the truth."""
    organ_suffix: str = ""
    """As prediction_suffix, for the organ masks, e.g. _liver."""
    image_suffix: str = ""
    """As prediction_suffix, for the images; without one, CASE_0000.nii.gz is of CASE, too."""
    series: str = ""
    """Which series of --image's DICOM folders that hold several: its number, or its description."""
    prediction_labels: Essential[tuple[str, ...]] = ()
    """Which labels of a predicted label map are vessels, by number or name, taken together as one mask; or which
    segments of a .seg.nrrd, by name. --classes compares each label by itself."""
    truth_labels: Essential[tuple[str, ...]] = ()
    """As prediction_labels, for the truth: needed where its label maps have more than vessels."""
    organ_labels: Essential[tuple[str, ...]] = ()
    """As prediction_labels, for the organ: which labels or segments of the organ's file are the organ."""
    cases: tuple[str, ...] = ()
    """Evaluate these cases only; without any, all that have a prediction or a truth, and of a folder that nnU-Net
    validated those that its summary.json lists."""
    classes: Essential[tuple[str, ...]] = ()
    """For label maps: which labels to compare, each as a mask of its own, such as 1 2, portal=1 veins=2+3, or names
    of the dataset.json beside the truths. All vessels together are compared, too, as any_vessel."""
    regions: tuple[str, ...] = ()
    """Further masks made of classes, such as liver_vessels=portal+hepatic; they are in no mean of classes."""
    every_class: bool = False
    """Compare all labels of the dataset.json beside the truths; without one, all values that occur in them."""
    classes_of: Essential[Path | None] = None
    """Take classes, regions and ignore value from here: a YAML or JSON file that has them as the settings of a data set
    do, a folder of prepared cases, or a run. Of one that tells vessels alone, the labels of the truth that were its
    vessels, and those of the organ where it is in the same files."""
    ignore_label: int | None = Field(default=None, ge=1)
    """The truth's value of voxels that nobody labelled: they count nowhere, whatever is predicted there."""
    topcow: bool = False
    """Also compute the measures of TopCoW's leaderboard; configs/evaluation/topcow.yaml has its classes."""
    resample_masks: Essential[bool] = False
    """Bring masks of another grid or field of view onto the truth's, extended to hold them, instead of refusing."""
    prepared: Path | None = None
    """Folder of prepared cases, of preprocess.py: what a perfect mask on their grid scores is shown beside the
    scores."""
    spacing_mm: tuple[float, ...] = ()
    """Voxel size in mm (z y x, or y x) in place of the files' own; TIFF and PNG carry none and count as 1."""
    replace: Essential[bool] = False
    """Replace files in the way that Ramify did not write, or that were changed since; each is kept as
    NAME.backup-1 (-2, ...)."""

    @model_validator(mode="after")
    def _options_agree(self) -> Self:
        if self.organ_labels and self.organ is None:
            raise ValueError("--organ-labels: there is no --organ with labels; give both or neither")
        told = {"--classes": self.classes, "--every-class": self.every_class, "--classes-of": self.classes_of}
        ways = [flag for flag, given in told.items() if given]
        if len(ways) > 1:
            raise ValueError(f"{ways[0]} and {ways[1]}: both say which classes there are; give one of them")
        if ways and (self.prediction_labels or self.truth_labels):
            role = "prediction" if self.prediction_labels else "truth"
            raise ValueError(
                f"{ways[0]} and --{role}-labels: each label by itself, or several as one mask; give one of them"
            )
        if ways and self.prepared is not None:
            raise ValueError(f"--prepared and {ways[0]}: a ceiling is of one vessel mask a case; leave one of them out")
        if self.classes_of and (self.regions or self.ignore_label is not None):
            flag = "--regions" if self.regions else "--ignore-label"
            raise ValueError(f"--classes-of and {flag}: the table says it; leave one of them out")
        if self.topcow and not ways:
            raise ValueError(
                "--topcow: needs the classes of the circle of Willis; configs/evaluation/topcow.yaml names them"
            )
        if self.regions and not ways:
            raise ValueError("--regions: are made of classes, and there are none; give --classes or --every-class")
        return self

    @model_validator(mode="after")
    def _names_end_in_one_way(self) -> Self:
        for role in ("prediction", "truth", "organ", "image"):
            if getattr(self, f"{role}_suffix") and is_of_each_case(getattr(self, role)):
                raise ValueError(f"--{role}-suffix: --{role} says with {CASE} how its names end; leave the suffix out")
        return self

    @property
    def label_maps(self) -> bool:
        """Whether classes of label maps are compared, rather than plain masks."""
        return bool(self.classes or self.every_class or self.classes_of)


class EvaluateCommand(CrewSettings, CaseChoice, PresentationSettings, EvaluationSettings, Comparison):
    """What to compare with what, where the scores go, what is measured and how, and what is shown."""

    @model_validator(mode="after")
    def _images_are_for_a_report(self) -> Self:
        if self.image is not None and self.report is None:
            raise ValueError("--image: images are shown in a report, and none is asked for; give --report report.html")
        if self.title and self.report is None:
            raise ValueError("--title: is of a report, and none is asked for; give --report report.html")
        if self.image is None and (self.image_suffix or self.series):
            flag = "--image-suffix" if self.image_suffix else "--series"
            raise ValueError(f"{flag}: is of images, and there are none; give --image")
        return self

    def titled(self) -> "EvaluateCommand":
        """The command with a title for its report: where none is given, what the predictions are called."""
        return self if self.title else self.model_copy(update={"title": what_masks_are_called(self.prediction)})

    def evaluation(self) -> EvaluationSettings:
        """What is measured, and how; without the files."""
        return EvaluationSettings(**{name: getattr(self, name) for name in EvaluationSettings.model_fields})

    def masks(self, chosen: ClassSet) -> dict[str, Any]:
        """What of the files was taken as masks, and where they were compared: scores depend on it as on a setting.

        chosen: the classes that the command asked for.
        """
        labels = ("prediction_labels", "truth_labels", "organ_labels", "resample_masks", "spacing_mm")
        return {
            **self.model_dump(mode="json", include=set(labels)),
            "cut_to_organ": self.organ is not None,
            "classes": {one.name: list(one.labels) for one in chosen.classes},
            "regions": {one.name: list(one.labels) for one in chosen.regions},
            "ignore_label": chosen.ignore,
        }
