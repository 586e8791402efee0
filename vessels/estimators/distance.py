"""Radii by the distance of a branch's centreline to the wall."""

from __future__ import annotations

import itertools

import numpy as np

from ramify.vessels.branches import BranchGraph, FloatArray, IntArray, branch_medians, without_float_noise
from ramify.vessels.course import Course, measure_course
from ramify.vessels.estimators.base import Estimator
from ramify.vessels.wall import Wall


def distance_radii(graph: BranchGraph, wall: Wall) -> FloatArray:
    """Return the median radius along each branch by its distance to the wall, float (n_branches,), mm.

    The distance transform, between voxels too: at each point of the smoothed centreline the largest distance d within
    half a voxel, so that a centreline beside the axis costs nothing. The nearest background voxel lies outside the wall
    by what matters in thin vessels only: r² = d² - s²/3, s² the mean square of the voxel's sides (found on oblique
    tubes of 0.6 to 8 voxels), but r is no less than d/2. What the ends disturb counts if there is nothing else.

    Args:
        graph: branches of the mask's skeleton.
        wall: the mask's wall.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import Wall, distance_radii, skeletonize, trace_branches
        >>> mask = np.zeros((13, 13, 30), bool)
        >>> z, y = np.ogrid[-6:7, -6:7]
        >>> mask[:] = (z**2 + y**2 <= 16)[..., None]  # a tube of radius 4
        >>> distance_radii(trace_branches(skeletonize(mask)), Wall(mask, (1.0, 1.0, 1.0))).round(1).tolist()
        [4.1]
    """
    return radii_of_chosen(graph, wall, measure_course(graph, wall), np.arange(graph.n_branches))


def radii_of_chosen(graph: BranchGraph, wall: Wall, course: Course, chosen: IntArray) -> FloatArray:
    """As `distance_radii`, of the chosen branches alone: int (K,) -> float (K,), mm."""
    clearest = np.maximum.reduceat(course.clearance, graph.starts[:-1])
    number = np.full(graph.n_branches, -1)
    number[chosen] = np.arange(len(chosen))
    branch = graph.branch_of_position()
    at = np.flatnonzero((course.clearance >= np.minimum(clearest, 0.0)[branch]) & (number[branch] >= 0))

    sides = np.array(wall.spacing_mm)
    around = itertools.product((-0.5, 0.0, 0.5), repeat=len(sides))
    distance = np.max([wall.distance_mm(course.line[at] + np.array(step) * sides) for step in around], axis=0)
    radius = np.sqrt(np.maximum(distance**2 - np.mean(sides**2) / 3, distance**2 / 4))
    return branch_medians(without_float_noise(radius, wall.spacing_mm), number[branch[at]], len(chosen))


DISTANCE = Estimator(
    lambda tree, settings: radii_of_chosen(tree.graph, tree.wall, tree.course, np.arange(tree.graph.n_branches))
)
