"""What synthesise.py is asked."""

from pathlib import Path
from typing import Any

from pydantic import Field

from ramify.appearance.settings import AppearanceSettings
from ramify.data.folds import FoldSettings
from ramify.essential import Essential
from ramify.phantoms.anatomy_settings import AnatomySettings
from ramify.preprocessing.intensity import IntensitySettings
from ramify.preprocessing.settings import GridSettings, PreprocessingSettings
from ramify.processes.crew_settings import CrewSettings


class SynthesisCommand(CrewSettings, frozen=True, extra="forbid"):
    """How many anatomies, of what kind, and where they go."""

    output: Essential[Path]
    """Folder of the cases (made if missing), as train.py takes it."""
    cases: Essential[int] = Field(24, ge=1, le=100_000)
    """How many anatomies."""
    first_seed: int = Field(0, ge=0)
    """Seed of the first; each following one takes the next."""
    anatomy: AnatomySettings = AnatomySettings()
    """Livers and vessels."""
    appearance: AppearanceSettings = AppearanceSettings()
    """Of the one image that each case holds, by which trainings are validated; train.py paints its samples by its own
    section of that name."""
    preprocessing: PreprocessingSettings = PreprocessingSettings(
        grid=GridSettings(margin_mm=10.0), intensity=IntensitySettings(window=(-100.0, 300.0))
    )
    """Crop, grey values and scales; the voxels are the anatomies' own."""
    folds: FoldSettings = FoldSettings()
    """Parts for validation."""
    replace: bool = False
    """Replace files in the way that Ramify did not write, or that were changed since; each is kept as
    NAME.backup-1 (-2, ...)."""

    def check(self) -> None:
        """Raise ValueError where cases could not be painted again in training."""
        intensity = self.preprocessing.intensity
        if self.preprocessing.channels or intensity.method != "window" or intensity.output_range != "zero_one":
            raise ValueError(
                "preprocessing: expected one channel with intensity.method window and output_range zero_one, by which "
                "samples are painted in training"
            )
        grid = self.preprocessing.grid
        wanted = grid.spacing_mm or (self.anatomy.spacing_mm,) * 3
        if grid.size is not None or set(wanted) != {self.anatomy.spacing_mm}:
            raise ValueError(
                "preprocessing.grid: tissues are not resampled; leave size out, and give spacing_mm as "
                "anatomy.spacing_mm three times"
            )

    def what_shapes_a_case(self) -> dict[str, Any]:
        """All settings a case depends on: cases of one store share them."""
        return self.model_dump(mode="json", include={"anatomy", "appearance", "preprocessing"})

    def case_ids(self) -> list[str]:
        """The ids of all cases: their seeds."""
        return [f"anatomy_{self.first_seed + number:05d}" for number in range(self.cases)]
