"""Masks of known trees, drawn from nodes and straight vessels between them, and where their vessels are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.analysis import VesselTree
from ramify.phantoms.rasterisation import rasterise
from ramify.phantoms.vessel_graph import VesselGraph


def drawn(
    nodes_mm: Sequence[Sequence[float]],
    edges: Sequence[tuple[int, int]],
    radii_mm: Sequence[float],
    size_mm: Sequence[float],
    spacing_mm: Sequence[float],
) -> NDArray[np.bool_]:
    """Voxels at least half inside a vessel; places count from the outer corner of the volume."""
    pairs = np.array(edges, dtype=np.int32)
    tree = np.zeros(len(pairs), dtype=np.int32)
    graph = VesselGraph(np.array(nodes_mm, dtype=float), pairs, np.array(radii_mm, dtype=float), tree, ("tree",))
    size = [round(length / side) for length, side in zip(size_mm, spacing_mm)]
    return rasterise(graph, size, spacing_mm) >= 0.5


# A trunk along x that forks twice: from node 1 into a long side vessel and a stem, which forks again. z, y, x in mm.
FORKS_MM = ((12, 30, 0), (12, 30, 20), (12, 54, 34), (12, 18, 38), (12, 22, 58), (12, 6, 56))
FORKS = ((0, 1), (1, 2), (1, 3), (3, 4), (3, 5))
FORKS_RADII_MM = (3.5, 2.4, 2.8, 2.2, 1.9)
FORKS_SIZE_MM = (24, 60, 64)


def forks(spacing_mm: Sequence[float] = (1.0, 1.0, 1.0)) -> NDArray[np.bool_]:
    """The tree of FORKS."""
    return drawn(FORKS_MM, FORKS, FORKS_RADII_MM, FORKS_SIZE_MM, spacing_mm)


def middles() -> list[NDArray[np.float64]]:
    """A place in each vessel of FORKS, nearer to its end: its beginning lies in the junction."""
    points = np.array(FORKS_MM, dtype=float)
    return [0.4 * points[start] + 0.6 * points[end] for start, end in FORKS]


def row_at(tree: VesselTree, place_mm: Sequence[float] | NDArray[np.float64]) -> dict[str, Any]:
    """The row of the branch that a place, counted from the outer corner, lies in."""
    spacing = np.array(tree.decomposition.spacing_mm)
    voxel = tuple((np.array(place_mm) / spacing).astype(int))
    number = int(tree.decomposition.branches[voxel])
    (row,) = [row for row in tree.branch_rows if row["branch"] == number]
    return row
