"""From one mask to its vascular trees: roots, orders, and what every branch and node measures."""

from typing import TYPE_CHECKING

from ramify.public_names import loaded_when_asked_for

if TYPE_CHECKING:
    from ramify.analysis.fractal import box_counting_dimension
    from ramify.analysis.lacunarity import gliding_box_lacunarity
    from ramify.analysis.murray import murray_exponent
    from ramify.analysis.path_shape import mean_curvature_per_mm
    from ramify.analysis.settings import AnalysisSettings
    from ramify.analysis.vessel_tree import VesselTree, analyse
else:
    __getattr__, __dir__ = loaded_when_asked_for(__name__)

__all__ = [
    "AnalysisSettings",
    "VesselTree",
    "analyse",
    "box_counting_dimension",
    "gliding_box_lacunarity",
    "mean_curvature_per_mm",
    "murray_exponent",
]
