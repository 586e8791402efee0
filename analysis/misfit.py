"""How badly one branch goes on as another: by the turn, by calibres, and by how far their axes miss each other."""

import numpy as np

from ramify.analysis.branch_curves import BranchCurves
from ramify.vessels.segments import segment_distance

THICKER = 2.0
"""What it costs that a vessel gets thicker, by its logarithm, beside a turn by 180 degrees, which costs 1."""
# What it costs to go on across a piece in which two vessels run as one.
_ACROSS = 0.1


def misfit(paths: BranchCurves, parent: int, side: int, child: int, child_side: int) -> float:
    """How badly a branch goes on as another one, 0 at best: by (1 - cos of the turn) / 2, by 2 ln of the calibres where
    the child is thicker, and by the distance between their axes over the sum of their radii.

    Vessels that only touch lie beside each other: their axes, drawn on from where both are clear of the place, miss
    each other by the sum of their radii, while those of a parent and its child meet.

    Args:
        paths: the branches.
        parent, child: which ones.
        side, child_side: their ends that meet, at one node or at two that a short branch joins.
    """
    nodes = int(paths.ends[parent, side]), int(paths.ends[child, child_side])
    heading, child_heading = paths.headings[parent, side], paths.headings[child, child_side]
    radius, child_radius = float(paths.end_radii_mm[parent, side]), float(paths.end_radii_mm[child, child_side])
    place, child_place = paths.end_places_mm[parent, side], paths.end_places_mm[child, child_side]
    # As far as the node, and into the parent.
    reach = float(np.linalg.norm(place - paths.nodes_mm[nodes[0]])) + radius
    child_reach = float(np.linalg.norm(child_place - paths.nodes_mm[nodes[1]])) + radius
    missed: float = segment_distance(place, -reach * heading, child_place, -child_reach * child_heading)
    turn = -float(np.dot(heading, child_heading))
    return (
        (1 - turn) / 2
        + THICKER * max(0.0, float(np.log(child_radius / radius)))
        + missed / (radius + child_radius)
        + (_ACROSS if nodes[0] != nodes[1] else 0.0)
    )
