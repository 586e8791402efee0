"""What the values of a summary are called on a page, and their units."""

from typing import NamedTuple


class Words(NamedTuple):
    """A value's name and unit, '' for none."""

    label: str
    unit: str = ""

    @property
    def with_unit(self) -> str:
        return f"{self.label} ({self.unit})" if self.unit else self.label


WORDS = {
    "branches": Words("branches"),
    "trees": Words("trees"),
    "junctions": Words("junctions"),
    "ends": Words("ends"),
    "cycles": Words("cycles"),
    "contacts": Words("contacts of trees"),
    "length_mm": Words("length", "mm"),
    "vessels_ml": Words("vessels", "ml"),
    "vessels_cm2": Words("vessels", "cm²"),
    "surface_mm2": Words("surface", "mm²"),
    "outline_mm": Words("outline", "mm"),
    "mean_radius_mm": Words("mean radius, by length", "mm"),
    "median_radius_mm": Words("median radius", "mm"),
    "largest_radius_mm": Words("largest radius", "mm"),
    "mean_tortuosity": Words("mean tortuosity"),
    "median_murray_exponent": Words("median Murray exponent"),
    "mean_angle_between_children_deg": Words("mean angle between children", "°"),
    "fractal_dimension": Words("fractal dimension"),
    "mean_lacunarity": Words("mean lacunarity"),
    "largest_generation": Words("largest generation"),
    "largest_strahler_order": Words("largest Strahler order"),
    "bifurcation_ratio": Words("bifurcation ratio"),
    "organ_ml": Words("organ", "ml"),
    "organ_cm2": Words("organ", "cm²"),
    "vessel_share_of_organ": Words("share of the organ that is vessel"),
    "length_mm_per_ml_of_organ": Words("length per organ", "mm/ml"),
    "length_mm_per_cm2_of_organ": Words("length per organ", "mm/cm²"),
    "branches_per_ml_of_organ": Words("branches per organ", "1/ml"),
    "branches_per_cm2_of_organ": Words("branches per organ", "1/cm²"),
    "mean_distance_to_vessel_mm": Words("mean distance to a vessel", "mm"),
    "median_distance_to_vessel_mm": Words("median distance to a vessel", "mm"),
    "p95_distance_to_vessel_mm": Words("95th percentile of distances to a vessel", "mm"),
    "largest_distance_to_vessel_mm": Words("largest distance to a vessel", "mm"),
}
"""Of every value that is one number, by its name in the summary."""


def written(value: float | None) -> str:
    """A number with as many digits as mean something: whole ones in full, else four; a dash for none."""
    if value is None:
        return "–"
    if value == round(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"
