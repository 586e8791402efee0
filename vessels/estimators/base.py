"""What every estimator of a branch's radius is given, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ramify.vessels.branches import BoolArray, BranchGraph, FloatArray, trace_branches
from ramify.vessels.course import Course, measure_course
from ramify.vessels.distance import nearest_among
from ramify.vessels.scale_settings import ScaleSettings, Weighing
from ramify.vessels.solid import skeletonize_solid
from ramify.vessels.spurs import prune_spurs
from ramify.vessels.territory import deepest_branch
from ramify.vessels.voxel_rows import VoxelRows
from ramify.vessels.wall import Wall

VoxelLabels = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class VesselTree:
    """A vessel mask and the branches of its skeleton: all that an estimator may look at.

    mask: bool (*S) of 2 or 3 dimensions, its small cavities filled. spacing_mm: voxel size along each axis, mm.
    rows: the voxels of that mask, (N,).
    graph: branches of its skeleton, at least one.
    wall: of the mask, to measure distances to.
    nearest: int32 (N,), number from 1 of the nearest skeleton voxel in the same component, for each voxel of `rows`.
    """

    mask: BoolArray
    rows: VoxelRows
    spacing_mm: tuple[float, ...]
    graph: BranchGraph
    wall: Wall
    nearest: VoxelLabels

    @cached_property
    def course(self) -> Course:
        """What is measured along the branches."""
        return measure_course(self.graph, self.wall)


def grow_tree(
    mask: BoolArray,
    spacing_mm: tuple[float, ...],
    without_spurs: bool,
    largest_cavity_mm3: float | None = None,
    keep_bridges: bool = False,
) -> VesselTree:
    """Thin a mask, bool (*S) and not empty, and cut its skeleton into branches; with its spurs or without them.

    Without spurs, bridges may stay, as `prune_spurs` has it. Cavities are filled up to a volume first, as
    `vessels.solid` has it.
    """
    mask, skeleton = skeletonize_solid(mask, spacing_mm, largest_cavity_mm3)
    graph, wall = trace_branches(skeleton), Wall(mask, spacing_mm)
    if without_spurs:
        graph = prune_spurs(graph, wall.distance_mm(graph.voxels * np.array(spacing_mm)), spacing_mm, keep_bridges)

    rows = VoxelRows.of(mask)
    nearest = nearest_among(rows, rows.numbers(graph.voxels), spacing_mm)
    return VesselTree(mask, rows, spacing_mm, graph, wall, nearest)


def where_deepest(tree: VesselTree, radii_mm: FloatArray) -> VoxelLabels:
    """To each voxel the branch that it lies deepest in, `vessels.territory.deepest_branch`."""
    return deepest_branch(tree.graph, radii_mm, tree.rows, tree.nearest, tree.spacing_mm)


@dataclass(frozen=True)
class Estimator:
    """A way to measure the radii of branches, and what goes with it in a decomposition where nothing else is set."""

    radii_mm: Callable[[VesselTree, ScaleSettings], FloatArray]
    """Radius of each branch, float (n_branches,), mm."""
    territory: Callable[[VesselTree, FloatArray], VoxelLabels] = where_deepest
    """Which branch owns each voxel of the tree's `rows`, from the radii: int32 (N,), from 1."""
    prune_spurs: bool = True
    """Whether branches that hardly reach out of the others go before anything is measured."""
    fill_cavities: bool = True
    """Whether cavities of a few voxels are filled before the mask is thinned."""
    weigh: Weighing = "length"
    """What counts towards the quantiles of the radii."""
    turned_first: bool = True
    """Whether the mask is laid down in its own orientation first, so that its mirrored and transposed copies, which
    thinning would treat otherwise, have the same branches."""
