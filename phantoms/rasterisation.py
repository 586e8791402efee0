"""From a vessel graph to a grid: how much of every voxel is vessel, and which edge it belongs to."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.compilation import compiled
from ramify.phantoms.segment_geometry import squared_distance_to_segment
from ramify.phantoms.vessel_graph import VesselGraph

# Sub-voxels along the finest axis; coarser axes get more, so that sub-voxels stay nearly cubes.
_SUBVOXELS = 5
_MOST_SUBVOXELS = 20


def rasterise(graph: VesselGraph, size: Sequence[int], spacing_mm: Sequence[float]) -> NDArray[np.float32]:
    """Share of every voxel that lies inside a vessel, each edge being a cylinder with round ends.

    Voxels that a wall may cross are divided into sub-voxels; a sub-voxel's share is a ramp in the squared distance to
    the nearest centreline, which keeps a cylinder's cross-section at exactly pi r^2 on average over its position.

    Args:
        graph: vessels in mm, counted from the outer corner of the volume.
        size: voxels along each axis, the graph's ndim.
        spacing_mm: voxel size, same order.

    Returns:
        (*size) float32 in [0, 1]; zeros for a graph without edges.

    Raises:
        ValueError: size or spacing do not fit the graph's dimensions, or are not positive.

    Examples:
        >>> import numpy as np
        >>> from ramify.phantoms import VesselGraph, rasterise
        >>> edges, trees = np.array([[0, 1]], np.int32), np.zeros(1, np.int32)
        >>> graph = VesselGraph(np.array([[5.0, -5.0], [5.0, 15.0]]), edges, np.array([2.0]), trees, ("vein",))
        >>> rasterise(graph, (10, 10), (1.0, 1.0))[:, 5].round(2).tolist()  # 4 mm across
        [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    """
    starts, ends, grid, spacing = _in_three_dimensions(graph, size, spacing_mm)
    voxels, edges = _touched(starts, ends, graph.radii_mm, grid, spacing)
    occupancy = np.zeros(int(np.prod(grid)), np.float32)
    if len(voxels):
        order = np.argsort(voxels, kind="stable")
        voxels, edges = voxels[order], edges[order]
        first = np.flatnonzero(np.concatenate([[True], voxels[1:] != voxels[:-1]]))
        bounds = np.append(first, len(voxels))
        parts = np.clip(np.ceil(_SUBVOXELS * spacing / min(spacing_mm)), 1, _MOST_SUBVOXELS).astype(np.int64)
        # The axis that a plane lacks has one sub-voxel, in the plane of the vessels.
        parts[: 3 - graph.ndim] = 1
        occupancy[voxels[first]] = _shares(voxels, edges, bounds, starts, ends, graph.radii_mm, grid, spacing, parts)
    return occupancy.reshape(tuple(size))


def owning_edges(graph: VesselGraph, mask: NDArray[np.bool_], spacing_mm: Sequence[float]) -> NDArray[np.int32]:
    """The edge that every voxel belongs to: the one whose wall is nearest, or which the voxel lies deepest in.

    That is the edge with the smallest distance to its centreline minus its radius; on a tie, the lower index.

    Args:
        graph: vessels in mm, counted from the outer corner of the volume; at least one edge unless mask is empty.
        mask: (*S) bool, the voxels asked for.
        spacing_mm: voxel size.

    Returns:
        (*S) int32 edge index, -1 outside the mask.

    Raises:
        ValueError: mask or spacing do not fit the graph, or the graph has no edge to give.

    Examples:
        >>> import numpy as np
        >>> from ramify.phantoms import VesselGraph, owning_edges
        >>> nodes_mm = np.array([[2.0, 0.0], [2.0, 4.0], [8.0, 0.0], [8.0, 4.0]])
        >>> edges, radii_mm = np.array([[0, 1], [2, 3]], np.int32), np.array([1.0, 1.0])
        >>> graph = VesselGraph(nodes_mm, edges, radii_mm, np.array([0, 0], np.int32), ("vein",))
        >>> owning_edges(graph, np.ones((10, 4), bool), (1.0, 1.0))[:, 2].tolist()
        [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]
    """
    if mask.any() and len(graph.edges) == 0:
        raise ValueError("graph: expected at least one edge to give voxels to, got none; use an empty mask")
    starts, ends, grid, spacing = _in_three_dimensions(graph, mask.shape, spacing_mm)
    owners = _owners(np.flatnonzero(mask), starts, ends, graph.radii_mm, grid, spacing)
    result = np.full(mask.size, -1, np.int32)
    result[np.flatnonzero(mask)] = owners
    return result.reshape(mask.shape)


def _in_three_dimensions(
    graph: VesselGraph, size: Sequence[int], spacing_mm: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Edge ends, size and spacing for the kernels: a plane is a volume one voxel thick, cut in its middle."""
    ndim = graph.ndim
    if len(size) != ndim or min(size) < 1:
        raise ValueError(f"size: expected {ndim} positive numbers for a graph in {ndim}D, got {tuple(size)}")
    if len(spacing_mm) != ndim or not all(np.isfinite(step) and step > 0 for step in spacing_mm):
        raise ValueError(f"spacing_mm: expected {ndim} positive numbers, got {tuple(spacing_mm)}")
    missing = 3 - ndim
    grid = np.array([1] * missing + list(size), np.int64)
    spacing = np.array([1.0] * missing + list(spacing_mm), np.float64)
    nodes = np.pad(graph.nodes_mm, ((0, 0), (missing, 0)), constant_values=0.5)
    return nodes[graph.edges[:, 0]], nodes[graph.edges[:, 1]], grid, spacing


@compiled()
def _point(points: Any, index: int) -> Any:
    """One of an array of points."""
    return points[index, 0], points[index, 1], points[index, 2]


@compiled()
def _visit(starts, ends, radii, grid, spacing, voxels, edges):  # type: ignore[no-untyped-def]
    """Write every (voxel, edge) pair that may touch into the given arrays, as far as they reach; return how many."""
    diagonal = 0.5 * np.sqrt((spacing * spacing).sum())
    count = 0
    for edge in range(len(radii)):
        reach = radii[edge] + diagonal
        low = np.zeros(3, np.int64)
        high = np.zeros(3, np.int64)
        for axis in range(3):
            near = min(starts[edge, axis], ends[edge, axis]) - reach
            far = max(starts[edge, axis], ends[edge, axis]) + reach
            low[axis] = max(0, int(np.floor(near / spacing[axis] - 0.5)))
            high[axis] = min(grid[axis], int(np.ceil(far / spacing[axis] - 0.5)) + 1)
        for i in range(low[0], high[0]):
            for j in range(low[1], high[1]):
                for k in range(low[2], high[2]):
                    z, y, x = (i + 0.5) * spacing[0], (j + 0.5) * spacing[1], (k + 0.5) * spacing[2]
                    if (
                        squared_distance_to_segment((z, y, x), _point(starts, edge), _point(ends, edge))
                        <= reach * reach
                    ):
                        if count < len(voxels):
                            voxels[count] = (i * grid[1] + j) * grid[2] + k
                            edges[count] = edge
                        count += 1
    return count


def _touched(
    starts: NDArray[np.float64],
    ends: NDArray[np.float64],
    radii: NDArray[np.float64],
    grid: NDArray[np.int64],
    spacing: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Pairs of flat voxel index and edge that may touch; memory follows the vessels, not the volume."""
    guess = 1 << 16
    while True:
        voxels, edges = np.empty(guess, np.int64), np.empty(guess, np.int32)
        count = _visit(starts, ends, radii, grid, spacing, voxels, edges)
        if count <= guess:
            return voxels[:count], edges[:count]
        guess = count


@compiled()
def _shares(voxels, edges, bounds, starts, ends, radii, grid, spacing, parts):  # type: ignore[no-untyped-def]
    """Vessel share of every group of pairs that share a voxel."""
    shares = np.zeros(len(bounds) - 1, np.float32)
    diagonal = 0.5 * np.sqrt((spacing * spacing).sum())
    step = spacing / parts
    for group in range(len(shares)):
        flat = voxels[bounds[group]]
        corner_z = (flat // (grid[1] * grid[2])) * spacing[0]
        corner_y = ((flat // grid[2]) % grid[1]) * spacing[1]
        corner_x = (flat % grid[2]) * spacing[2]
        z, y, x = corner_z + 0.5 * spacing[0], corner_y + 0.5 * spacing[1], corner_x + 0.5 * spacing[2]
        inside = False
        for pair in range(bounds[group], bounds[group + 1]):
            edge = edges[pair]
            depth = radii[edge] - diagonal
            if (
                depth > 0.0
                and squared_distance_to_segment((z, y, x), _point(starts, edge), _point(ends, edge)) <= depth * depth
            ):
                inside = True
                break
        if inside:
            shares[group] = 1.0
            continue
        total = 0.0
        for i in range(parts[0]):
            for j in range(parts[1]):
                for k in range(parts[2]):
                    z, y, x = (
                        corner_z + (i + 0.5) * step[0],
                        corner_y + (j + 0.5) * step[1],
                        corner_x + (k + 0.5) * step[2],
                    )
                    best = 0.0
                    for pair in range(bounds[group], bounds[group + 1]):
                        edge = edges[pair]
                        radius = radii[edge]
                        ramp = 2.0 * radius * min(radius, step[2])
                        square = squared_distance_to_segment((z, y, x), _point(starts, edge), _point(ends, edge))
                        best = max(best, (radius * radius - square) / ramp + 0.5)
                        if best >= 1.0:
                            break
                    total += min(1.0, best)
        shares[group] = total / (parts[0] * parts[1] * parts[2])
    return shares


@compiled()
def _owners(flat_voxels, starts, ends, radii, grid, spacing):  # type: ignore[no-untyped-def]
    """Edge with the smallest distance minus radius for every voxel; edges too far away are passed over by their box."""
    owners = np.zeros(len(flat_voxels), np.int32)
    for position in range(len(flat_voxels)):
        flat = flat_voxels[position]
        z = (flat // (grid[1] * grid[2]) + 0.5) * spacing[0]
        y = ((flat // grid[2]) % grid[1] + 0.5) * spacing[1]
        x = (flat % grid[2] + 0.5) * spacing[2]
        best = np.inf
        for edge in range(len(radii)):
            reach = best + radii[edge]
            if (
                min(starts[edge, 0], ends[edge, 0]) - z > reach
                or z - max(starts[edge, 0], ends[edge, 0]) > reach
                or min(starts[edge, 1], ends[edge, 1]) - y > reach
                or y - max(starts[edge, 1], ends[edge, 1]) > reach
                or min(starts[edge, 2], ends[edge, 2]) - x > reach
                or x - max(starts[edge, 2], ends[edge, 2]) > reach
            ):
                continue
            gap = (
                np.sqrt(squared_distance_to_segment((z, y, x), _point(starts, edge), _point(ends, edge))) - radii[edge]
            )
            if gap < best:
                best = gap
                owners[position] = edge
    return owners
