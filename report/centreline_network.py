"""The centrelines of a mask as a network of points and lines in patient coordinates, with the radius at every point."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ramify.data.volume import Volume
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.report.settings import Space
from ramify.report.surfaces import patient_points
from ramify.vessels.curve_graph import CentrelineGraph


@dataclass(frozen=True, eq=False)
class CentrelineNetwork:
    """Points, the first of which are nodes, and lines of points from node to node.

    points_mm: float64 (P, 3), x, y, z in the patient.
    radii_mm: float64 (P,), of the vessel at each point.
    n_nodes: how many points, the first ones, are nodes: junctions, ends, one for each loop without either.
    lines: indices of points, int (n,) each, from a node to a node; of a vessel thinned to a point, that point.
    lengths_mm, line_radii_mm: float64 (L,), length of each line and the median of the radii at its points.
    branches: int (L,), number of the branch of the mask's scales that a line runs along, as `ScaleDecomposition` has
        it, 0 for none; parts of one branch that a region cuts share its number.
    scales: int (L,), scale of that branch, 1 the smallest vessels.
    space: see `report.surfaces.Space`.
    of_lines: further values of the lines by name, int64 (L,).
    roots: points that trees hang on in SWC, where they are ends of their pieces or not; without any, thick ends.
    """

    points_mm: NDArray[np.float64]
    radii_mm: NDArray[np.float64]
    n_nodes: int
    lines: tuple[NDArray[np.int64], ...]
    lengths_mm: NDArray[np.float64]
    line_radii_mm: NDArray[np.float64]
    branches: NDArray[np.int64]
    scales: NDArray[np.int64]
    space: Space
    of_lines: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    roots: tuple[int, ...] = ()

    def segments(self) -> NDArray[np.int64]:
        """Pairs of points that follow each other on a line, int (E, 2)."""
        pairs = [np.stack([line[:-1], line[1:]], axis=1) for line in self.lines]
        return np.concatenate(pairs) if pairs else np.empty((0, 2), np.int64)


def trace_network(mask: MaskAnalysis, place: Volume, space: Space = "lps") -> CentrelineNetwork:
    """The network of a mask's centrelines, those that its graph measures count.

    Args:
        mask: the analysis of a mask on the grid of `place`, 2D or 3D; of an empty one the network is empty.
        place: the volume that says where the grid lies; its own array is not looked at.
        space: see `report.surfaces.Space`.

    Raises:
        ValueError: mask and place have different shapes.
    """
    if mask.shape != place.shape:
        raise ValueError(f"centrelines: expected a mask of shape {place.shape} as its place has, got {mask.shape}")
    graph = mask.centreline
    if graph.n_curves == 0:
        nothing = np.empty(0)
        none = np.empty(0, np.int64)
        return CentrelineNetwork(np.empty((0, 3)), nothing, 0, (), nothing, nothing, none, none, space)
    radii = mask.local_radii_mm
    number, n_nodes = _number_points(graph)
    count = int(number.max()) + 1
    points, point_radii = np.empty((count, 3)), np.empty(count)
    points[number] = patient_points(place, graph.points_mm / np.array(mask.spacing_mm), space)
    point_radii[number] = radii
    parts = list(zip(graph.starts[:-1], graph.starts[1:]))
    of_point = _branch_of_points(mask, graph.voxels)
    counts = [np.bincount(of_point[start:stop], minlength=2)[1:] for start, stop in parts]
    branches = np.array([1 + count.argmax() if count.any() else 0 for count in counts], dtype=np.int64)
    return CentrelineNetwork(
        points_mm=points,
        radii_mm=point_radii,
        n_nodes=n_nodes,
        lines=tuple(number[start:stop] for start, stop in parts),
        lengths_mm=np.add.reduceat(graph.steps_mm, graph.starts[:-1]),
        line_radii_mm=np.array([np.median(radii[start:stop]) for start, stop in parts]),
        branches=branches,
        scales=np.append(0, mask.decomposition.scale_of_branch)[branches],
        space=space,
    )


def _branch_of_points(mask: MaskAnalysis, voxels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Branch of the mask's scales at each of some voxels of its centrelines, int (M,), from 1, 0 for none.

    Where the scales' own skeleton runs, its branch, which may lie deep in a thicker vessel; beside it, as with another
    thinning than theirs, whose the voxel is.
    """
    found = mask.decomposition
    branch = np.zeros(len(voxels), dtype=np.int64)
    inside = ((voxels >= mask.corner) & (voxels < mask.corner + found.branches.shape)).all(axis=1)
    branch[inside] = found.branches[tuple((voxels[inside] - mask.corner).T)]
    own = np.ravel_multi_index(tuple((found.graph.voxels + mask.corner).T), mask.shape)
    order = np.argsort(own)
    wanted = np.ravel_multi_index(tuple(voxels.T), mask.shape)
    place = order[np.minimum(np.searchsorted(own[order], wanted), len(own) - 1)]
    number = np.where(own[place] == wanted, found.graph.owner[place] + 1, 0)
    return np.where(number > 0, number, branch)


def _number_points(graph: CentrelineGraph) -> tuple[NDArray[np.int64], int]:
    """Number of each of the graph's points among those of the network, where lines meet in one point; and the nodes."""
    first, last = graph.starts[:-1], graph.starts[1:] - 1
    ends = graph.ends.copy()
    loops = np.flatnonzero(ends[:, 0] < 0)
    n_nodes = len(graph.nodes_mm) + len(loops)
    ends[loops] = (len(graph.nodes_mm) + np.arange(len(loops)))[:, None]
    number = np.full(len(graph.points_mm), -1, dtype=np.int64)
    number[first], number[last] = ends[:, 0], ends[:, 1]
    inner = number < 0
    number[inner] = n_nodes + np.arange(np.count_nonzero(inner))
    return number, n_nodes
