"""What a user chooses about the preparation of cases, and what preprocess.py is asked."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from ramify.data.adapters.class_settings import ClassSettings
from ramify.data.adapters.settings import DatasetSettings
from ramify.data.folds import FoldSettings
from ramify.essential import Essential
from ramify.preprocessing.intensity import IntensitySettings, rules_of
from ramify.processes.crew_settings import CrewSettings
from ramify.vessels.scale_settings import ScaleSettings


class GridSettings(BaseModel, frozen=True, extra="forbid"):
    """Which part of a volume is kept, and at what resolution."""

    crop: Essential[Literal["organ", "volume"]] = "organ"
    """Keep the organ's bounding box (needs an organ mask) or the whole volume."""
    margin_mm: float = Field(default=5.0, ge=0, allow_inf_nan=False)
    """Room kept around the organ's bounding box on each side, in mm; cut where the volume ends."""
    size: Essential[tuple[PositiveInt, ...] | None] = None
    """Prepared shape in voxels along the patient's z y x (2D: the image's y x), however the file is stored: every case
    is stretched to it. Not together with spacing_mm."""
    spacing_mm: Essential[tuple[PositiveFloat, ...] | None] = None
    """Prepared spacing in mm along the patient's z y x (2D: the image's y x), moved by less than half a voxel in all so
    that the crop box is filled exactly. With neither size nor spacing_mm the native voxels are kept."""

    @model_validator(mode="after")
    def _check_one_target(self) -> "GridSettings":
        if self.size is not None and self.spacing_mm is not None:
            raise ValueError("size and spacing_mm are both given; keep one of them")
        if self.spacing_mm is not None and not all(math.isfinite(value) for value in self.spacing_mm):
            raise ValueError("spacing_mm must be finite")
        return self


class PreprocessingSettings(BaseModel, frozen=True, extra="forbid"):
    """Everything between a raw case and a prepared one; a checkpoint carries it, so that prediction does the same."""

    grid: GridSettings = GridSettings()
    """Crop and resampling."""
    intensity: IntensitySettings = IntensitySettings()
    """Grey values of every channel."""
    channels: dict[str, IntensitySettings] = {}
    """Channels by name whose grey values are scaled by a rule of their own; what it leaves out is as in `intensity`."""
    scales: ScaleSettings = ScaleSettings()
    """Scale decomposition of the vessel mask."""
    restrict_to_organ: bool = True
    """Leave out vessels outside the organ, where there is an organ mask."""
    least_organ_part: float = Field(default=0.05, ge=0, le=1)
    """Components of the organ mask smaller than this share of its largest one are specks and left out; 0 keeps all."""
    organ_ml: tuple[NonNegativeFloat, NonNegativeFloat] = (10.0, 4000.0)
    """Least and most volume in ml that an organ mask is expected to have; others are warned of. The default holds
    livers, kidneys and brains, of children too; lungs have up to 8000 ml, a prostate 20."""
    tube_radius: int = Field(default=2, ge=0)
    """Voxels by which the skeleton is widened for the Skeleton Recall loss, inside the vessels; 0 leaves it bare."""

    @model_validator(mode="after")
    def _rules_are_whole(self) -> Self:
        """A channel's rule lies on top of the general one; once it is whole, it stays as it is."""
        whole = {
            name: IntensitySettings(**{**dict(self.intensity), **its.model_dump(exclude_unset=True)})
            for name, its in self.channels.items()
        }
        object.__setattr__(self, "channels", whole)
        return self

    def rules(self, channels: Iterable[str]) -> dict[str, IntensitySettings]:
        """How the grey values of each channel are scaled; raises ValueError for a rule of a channel there is not."""
        return rules_of(channels, self.intensity, self.channels)


class PreprocessCommand(CrewSettings, DatasetSettings, frozen=True, extra="forbid"):
    """A data set, how its cases are prepared, and where they go."""

    output: Essential[Path | None] = None
    """Folder of the prepared cases (made if missing); --check alone needs none."""
    auto: Essential[bool] = False
    """Choose crop, voxel size and grey values from a look at all cases; what a file or a flag gives stays as it is
    (docs/planning.md)."""
    verify: bool = False
    """Read every source file and every prepared array in full to see whether a case still holds, whatever sizes and
    times say."""
    masks: Essential[bool] = False
    """Write truth and organ of each case as NIfTI on its image's own grid, too, for evaluate.py: masks/truth and
    masks/organs in the output."""
    check: Essential[bool] = False
    """Only look: read every case, show size, spacing, values and voxels of each and all that is wrong with any, and
    write nothing."""
    skip_faulty: Essential[bool] = False
    """Prepare the cases that are not faulty; otherwise nothing is prepared until all are mended."""
    drop_vanished: bool = False
    """Take cases that the data set no longer has out of the store and its splits; otherwise they are only told."""
    preprocessing: PreprocessingSettings = PreprocessingSettings()
    """Crop, resampling, grey values and scales."""
    replace: bool = False
    """Replace files in the way that Ramify did not write, or that were changed since; each is kept as
    NAME.backup-1 (-2, ...)."""
    folds: FoldSettings = FoldSettings()
    """Parts for cross-validation. A splits_final.json that is there already is obeyed, and others are refused."""

    def check_output(self) -> None:
        """Raise ValueError where cases are to be prepared, and nothing says where to.

        No check of the model, which a file of settings need not pass that leaves the output to a flag.
        """
        if self.output is None and not self.check:
            raise ValueError("--output PATH: missing; the folder of the prepared cases (--check alone needs none)")

    @property
    def store(self) -> Path:
        """The folder of the prepared cases, as `check_output` has found it."""
        assert self.output is not None, "checked before any work"
        return self.output

    def what_shapes_a_case(self) -> dict[str, Any]:
        """All settings a prepared case depends on: cases of one store share them."""
        shared = {"dataset", "resample_masks", "channels", "patient_pattern", "preprocessing", self.dataset}
        settings = self.model_dump(mode="json", include=shared)
        of_classes = self.model_dump(mode="json", include=set(ClassSettings.model_fields), exclude_defaults=True)
        # Their order is that of the numbers in the cases, and JSON keeps none among keys.
        settings |= {key: [*its.items()] if isinstance(its, dict) else its for key, its in of_classes.items()}
        # Files are known by their content, wherever they lie: a folder of organ masks may be moved.
        settings[self.dataset].pop("organs", None)
        return settings
