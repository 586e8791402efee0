"""How variants are compared, and what compare.py is asked."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from ramify.essential import Essential

Unit = Literal["case", "fold", "network", "patient"]

DecidingTest = Literal["t", "wilcoxon", "permutation"]

USUAL_MEASURES = ("dice", "jaccard", "cldice", "hd_mm")
"""Those of Sadikine et al. 2023, Table 1: compared where no others are asked for."""


class ComparisonSettings(BaseModel, frozen=True, extra="forbid"):
    """How variants are compared."""

    unit: Essential[Unit | None] = None
    """What a pair is: a case, a fold, a network or a patient; without it, the fold where folds can be told, since the
    cases of a fold share their networks; the network where several are scored on the same cases, as on a test set; else
    the case. The runs (seeds) of a case are averaged first, but those of networks, then a unit's cases."""
    common: Essential[bool] = False
    """Compare the cases that all have, instead of refusing sets of which one lacks a case or failed on it."""
    decide_by: DecidingTest | None = None
    """The test whose adjusted p decides; without it, the t test of folds or of networks, else Wilcoxon's. The others
    are told beside it. Choose before you look."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """A verdict needs an adjusted p below this; intervals cover 1 - alpha."""
    power: float = Field(default=0.8, gt=0, lt=1)
    """Probability with which the number of pairs that would be needed finds a difference of the size seen."""
    resamples: int = Field(default=9999, ge=999)
    """Resamples of the bootstrap."""
    seed: int = Field(default=0, ge=0)
    """Of every random draw; the same seed gives the same numbers."""


class ResultFiles(BaseModel, frozen=True, extra="forbid"):
    """Which results to compare, in what, and where the comparison goes."""

    results: tuple[str, ...] = Field(min_length=1)
    """NAME=FILE each: the metrics.json of an evaluation, its folder, or a quoted pattern of such. The first name is the
    reference; files of one name are its runs (folds, seeds)."""
    measures: Essential[tuple[str, ...]] = ()
    """Measures by their keys, or all; without any, those of dice, jaccard, cldice and hd_mm that the files have."""
    classes: Essential[tuple[str, ...]] = ()
    """Classes or regions of label maps whose measures to compare, such as portal any_vessel; without any, the means
    over the classes. A measure of one class is CLASS.KEY among the measures, too."""
    output: Essential[Path | None] = None
    """Folder for the comparison as JSON, CSV and figure; made if missing. Without it, the screen alone."""
    replace: bool = False
    """Replace files in the way that Ramify did not write, or that were changed since; each is kept as
    NAME.backup-1 (-2, ...)."""
    patients: Path | None = None
    """JSON file {case: patient} for --unit patient or network."""
    folds: Path | None = None
    """The splits_final.json of the trainings, which says what cases share their networks; needed where the files do
    not tell folds apart, such as one file with the cases of all folds."""


class CompareCommand(ComparisonSettings, ResultFiles, frozen=True, extra="forbid"):
    """What to compare, and how; in this order of bases, --help begins with the files."""
