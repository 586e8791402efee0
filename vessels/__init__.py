"""Geometry of a vascular tree on arrays: thinning, distances, branches, radii, scales."""

from typing import TYPE_CHECKING

from ramify.public_names import loaded_when_asked_for

if TYPE_CHECKING:
    from ramify.vessels.betti import BettiNumbers, betti_numbers, count_cavities, count_pieces
    from ramify.vessels.branches import BranchGraph, path_lengths, trace_branches
    from ramify.vessels.cavities import fill_cavities
    from ramify.vessels.components import label_components
    from ramify.vessels.curve_graph import CentrelineGraph, centreline_graph
    from ramify.vessels.curve_parts import part_inside
    from ramify.vessels.decomposition import Branch, ScaleDecomposition
    from ramify.vessels.distance import distances_to_set_mm, nearest_label, surface
    from ramify.vessels.estimators.distance import distance_radii
    from ramify.vessels.estimators.paper import paper_local_radii
    from ramify.vessels.estimators.volume import volume_radii
    from ramify.vessels.local_radius import local_radii_mm
    from ramify.vessels.point_index import PointIndex
    from ramify.vessels.scale_settings import ScaleSettings
    from ramify.vessels.scales import ScaleWarning, decompose_scales
    from ramify.vessels.skeleton import skeletonize
    from ramify.vessels.spurs import prune_spurs
    from ramify.vessels.tube import tubed_skeleton, tubed_skeleton_of_classes
    from ramify.vessels.wall import Wall
else:
    __getattr__, __dir__ = loaded_when_asked_for(__name__)

__all__ = [
    "BettiNumbers",
    "Branch",
    "BranchGraph",
    "CentrelineGraph",
    "PointIndex",
    "ScaleDecomposition",
    "ScaleSettings",
    "ScaleWarning",
    "Wall",
    "betti_numbers",
    "centreline_graph",
    "count_cavities",
    "count_pieces",
    "decompose_scales",
    "distance_radii",
    "distances_to_set_mm",
    "fill_cavities",
    "label_components",
    "local_radii_mm",
    "nearest_label",
    "paper_local_radii",
    "part_inside",
    "path_lengths",
    "prune_spurs",
    "skeletonize",
    "surface",
    "trace_branches",
    "tubed_skeleton",
    "tubed_skeleton_of_classes",
    "volume_radii",
]
