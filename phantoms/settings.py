"""What a user chooses about phantoms: their trees, their image and their grid."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

from ramify.bounds import NonNegativeBounds, PositiveBounds
from ramify.settings_errors import PythonSettings


class TreeSettings(PythonSettings, frozen=True, extra="forbid"):
    """Shape of the two vessel trees."""

    terminals: int = Field(default=40, ge=1, le=1000)
    """Ends of each of the two trees."""
    murray_exponent: float = Field(default=3.0, ge=2.0, le=4.0)
    """g in radius^g of a vessel = sum of radius^g of the two it forks into."""
    root_radius_mm: float | None = Field(default=None, gt=0, le=50)
    """Radius of the trunks; none: 4.5 % of the volume's mean side, in a plane 1.8 %."""
    min_radius_mm: float | None = Field(default=None, gt=0, le=50)
    """No vessel is thinner; none: 85 % of what the terminals would have if they were all alike."""
    flow_spread: float = Field(default=1.0, ge=0, le=3)
    """How unlike the terminals are: standard deviation of the logarithm of the flow beyond the thinnest vessel's."""
    clearance_mm: float = Field(default=1.5, ge=0, le=50)
    """Least distance between the walls of the two trees."""


class PhantomImageSettings(BaseModel, frozen=True, extra="forbid"):
    """Intensities of a phantom, in HU; the defaults are near those of a portal-venous CT of the liver."""

    liver_hu: float = Field(default=100.0, ge=-500, le=500)
    """Mean of the liver's parenchyma over phantoms."""
    liver_spread_hu: float = Field(default=15.0, ge=0, le=200)
    """Standard deviation of that mean from phantom to phantom: livers differ, and so does the time after injection."""
    portal_contrast_hu: float = Field(default=60.0, ge=-500, le=1000)
    """Portal vein over parenchyma, on average over phantoms."""
    hepatic_contrast_hu: float = Field(default=50.0, ge=-500, le=1000)
    """Hepatic veins over parenchyma, on average over phantoms."""
    contrast_spread: float = Field(default=0.15, ge=0, le=1)
    """Relative standard deviation of the contrast, between trees of different phantoms and again along each tree."""
    texture_hu: float = Field(default=7.0, ge=0, le=200)
    """Standard deviation of the parenchyma's fine texture."""
    texture_mm: float = Field(default=6.0, gt=0, le=200)
    """Correlation length of that texture."""
    perfusion_hu: float = Field(default=13.0, ge=0, le=200)
    """Standard deviation of the parenchyma's slow changes: uneven fat and perfusion."""
    perfusion_mm: float = Field(default=25.0, gt=0, le=500)
    """Correlation length of those changes."""
    blur_mm: float = Field(default=0.8, ge=0, le=20)
    """Standard deviation of the scanner's point spread."""
    noise_hu: float = Field(default=10.0, ge=0, le=500)
    """Standard deviation of the noise."""
    noise_correlation_mm: float = Field(default=1.2, gt=0, le=50)
    """Correlation length of the noise."""
    tumours: int = Field(default=4, ge=0, le=100)
    """Tumours, alternately darker and brighter than the liver."""
    tumour_radius_mm: PositiveBounds = (4.0, 11.0)
    """Smallest and largest mean radius of a tumour."""
    tumour_contrast_hu: NonNegativeBounds = (25.0, 60.0)
    """Smallest and largest difference of a tumour from the liver."""
    surroundings: bool = True
    """Fat, muscle, lung, bone, kidney, stomach and great vessels around the organ; without them, fat alone."""


def most_terminals(root_radius_mm: float, min_radius_mm: float, exponent: float) -> int:
    """How many terminals of the thinnest radius a trunk can feed by Murray's law."""
    return int((root_radius_mm / min_radius_mm) ** exponent * (1 + 1e-9))


class PhantomSettings(PythonSettings, frozen=True, extra="forbid"):
    """One phantom; with a seed it is determined to the last byte."""

    size: tuple[int, ...] = Field(default=(64, 64, 64), min_length=2, max_length=3)
    """Voxels along each axis (z y x, or y x for a plane)."""
    spacing_mm: tuple[float, ...] = Field(default=(2.0, 2.0, 2.0), min_length=2, max_length=3)
    """Voxel size, same axes. Organ and trees depend on size times spacing alone, not on the grid."""
    trees: TreeSettings = TreeSettings()
    """The vessels."""
    image: PhantomImageSettings = PhantomImageSettings()
    """The image."""

    @model_validator(mode="after")
    def _fits_together(self) -> "PhantomSettings":
        if len(self.size) != len(self.spacing_mm):
            raise ValueError(f"size {self.size} and spacing_mm {self.spacing_mm}: expected as many numbers in both")
        if min(self.size) < 16:
            raise ValueError(f"size {self.size}: expected at least 16 voxels along every axis")
        if not all(np.isfinite(step) and step > 0 for step in self.spacing_mm):
            raise ValueError(f"spacing_mm {self.spacing_mm}: expected positive numbers")
        most = most_terminals(self.root_radius_mm, self.min_radius_mm, self.trees.murray_exponent)
        if self.trees.terminals > most:
            raise ValueError(
                f"trees: {self.trees.terminals} terminals of at least {self.min_radius_mm:g} mm do not fit a trunk of "
                f"{self.root_radius_mm:g} mm (at most {most}); use fewer, a thinner min_radius_mm or a thicker "
                "root_radius_mm"
            )
        return self

    @property
    def extent_mm(self) -> NDArray[np.float64]:
        """Size of the volume."""
        extent: NDArray[np.float64] = np.array(self.size) * np.array(self.spacing_mm)
        return extent

    @property
    def root_radius_mm(self) -> float:
        """Radius of the trunks, given or from the volume."""
        share = 0.045 if len(self.size) == 3 else 0.018
        return self.trees.root_radius_mm or share * float(self.extent_mm.mean())

    @property
    def min_radius_mm(self) -> float:
        """Radius of the thinnest vessels, given or from the terminals."""
        alike = self.root_radius_mm / self.trees.terminals ** (1 / self.trees.murray_exponent)
        return self.trees.min_radius_mm or 0.85 * alike
