"""What a user chooses about each family of measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from ramify.metrics.mask_analysis import MaskAnalysis


class SurfaceSettings(BaseModel, frozen=True, extra="forbid"):
    """How surfaces are compared."""

    tolerance_mm: float = Field(default=1.0, ge=0)
    """How far apart two surfaces may lie and still agree, for the surface Dice."""


class TopologySettings(BaseModel, frozen=True, extra="forbid"):
    """Whether topology is compared in patches too."""

    patch_voxels: int = Field(default=0, ge=0)
    """Edge of the patches in voxels; 0 compares whole volumes alone."""
    random_patches: int = Field(default=0, ge=0)
    """How many patches to take at random places, the same for all predictions; 0 tiles the volume without overlap."""
    seed: int = Field(default=0, ge=0)
    """Of the random places."""


class GraphSettings(BaseModel, frozen=True, extra="forbid"):
    """How the junctions of two graphs are compared."""

    junction_tolerance_mm: float | None = Field(default=None, ge=0)
    """How far apart two junctions may be and still be one; unset: three times the coarsest voxel side."""

    def tolerance_mm(self, mask: MaskAnalysis) -> float:
        """The tolerance on the grid of a mask."""
        return 3 * max(mask.spacing_mm) if self.junction_tolerance_mm is None else self.junction_tolerance_mm


class StreetMoverSettings(BaseModel, frozen=True, extra="forbid"):
    """How finely graphs are sampled for the StreetMover distance."""

    points: int = Field(default=2000, ge=2)
    """Points on each graph; time and memory grow with their square, the floor falls with their number."""


EVERY_FAMILY = "all"
FAMILY_SETTINGS: dict[str, type[BaseModel] | None] = {
    "overlap": None,
    "centreline": None,
    "surface": SurfaceSettings,
    "topology": TopologySettings,
    "graph": GraphSettings,
    "street_mover": StreetMoverSettings,
    "scales": None,
}
"""Every family by name, and what a user chooses about it: the section of its name in the settings of an evaluation.
What is measured stands under the same name in `metrics/families.py`."""
