"""A tree that a program found of a mask, in a form that all share, and how right it is beside what was drawn."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree
from scipy.spatial import cKDTree
from scipy.stats import spearmanr

from ramify.analysis.growth import Growth
from ramify.analysis.orders import strahler_orders
from ramify.metrics.junctions import match_points
from ramify.phantoms import VesselGraph

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class FoundTree(NamedTuple):
    """Branches between nodes, in mm from the outer corner of the first voxel.

    nodes_mm: float (K, ndim). ends: int (n, 2), nodes of each branch. paths_mm: points along each, float (m, ndim).
    lengths_mm, radii_mm: float (n,). orders: int (n,), Strahler's, or None for a program that has no root.
    """

    nodes_mm: FloatArray
    ends: IntArray
    paths_mm: list[FloatArray]
    lengths_mm: FloatArray
    radii_mm: FloatArray
    orders: IntArray | None = None


class Rightness(NamedTuple):
    """How right a tree is; the columns."""

    junction_recall: float
    junction_precision: float
    vessels_found: float
    length_ratio: float
    radius_rank_correlation: float
    radius_bias: float
    right_strahler_order: float


def rightness(found: FoundTree, graph: VesselGraph, tolerance_mm: float, voxel_mm: float) -> Rightness:
    """A tree beside the graph that was drawn.

    Each vessel is looked up at three fifths of its length: its branch is that of the nearest point of a centreline, no
    farther than its radius and a voxel's diagonal, else it was not found. Rank correlation, bias (median of found /
    true - 1) and orders are those of the vessels found; orders by length, of all vessels.
    """
    points, branch = (
        np.concatenate(found.paths_mm),
        np.repeat(np.arange(len(found.paths_mm)), [len(path) for path in found.paths_mm]),
    )
    gaps, nearest = cKDTree(points).query(places_in(graph))
    seen = gaps <= graph.radii_mm + np.sqrt(graph.nodes_mm.shape[1]) * voxel_mm
    its = branch[nearest]
    lengths = graph.lengths_mm()
    drawn = graph.nodes_mm[np.bincount(graph.edges.ravel(), minlength=len(graph.nodes_mm)) > 2]
    junctions = found.nodes_mm[np.bincount(found.ends.ravel(), minlength=len(found.nodes_mm)) > 2]
    matched = len(match_points(junctions, drawn, tolerance_mm)[0])
    radii = found.radii_mm[its[seen]]
    true_orders = strahler_orders(growth_of(graph.parents(), graph.outward()))
    orders = found.orders if found.orders is not None else orders_from(found, graph.nodes_mm[graph.roots()[0]])
    right = seen & (orders[its] == true_orders)
    return Rightness(
        matched / len(drawn),
        matched / max(1, len(junctions)),
        float(np.mean(seen)),
        float(found.lengths_mm.sum() / lengths.sum()),
        float(spearmanr(radii, graph.radii_mm[seen]).statistic) if len(radii) > 1 else float("nan"),
        float(np.median(radii / graph.radii_mm[seen] - 1)) if len(radii) else float("nan"),
        float(lengths[right].sum() / lengths.sum()),
    )


def places_in(graph: VesselGraph) -> FloatArray:
    """Where each vessel of a graph is looked up, float (n, ndim): at three fifths of it, clear of its parent."""
    start, end = graph.nodes_mm[graph.edges[:, 0]], graph.nodes_mm[graph.edges[:, 1]]
    found: FloatArray = 0.4 * start + 0.6 * end
    return found


def growth_of(parents: NDArray[np.integer], outward: NDArray[np.integer]) -> Growth:
    """Branches by their parents alone, integer (n,), -1 at a root. outward: those reached, each after its parent."""
    none = np.zeros(len(parents), dtype=np.int64)
    return Growth(parents.astype(np.int64), none, none, outward.astype(np.int64), none.astype(float), none[:0])


def orders_from(found: FoundTree, root_mm: FloatArray) -> IntArray:
    """Strahler orders of the branches, int (n,), away from the node nearest to a root; 0 where no way leads there.

    Of branches that close a cycle, the longest are cut.
    """
    # A link of no length is none to scipy.
    count, lengths = len(found.nodes_mm), np.maximum(found.lengths_mm, 1e-9)
    longest_first = np.argsort(-lengths, kind="stable")
    # Of several branches between two nodes the shortest is left.
    between = {(min(ends), max(ends)): at for at, ends in zip(longest_first, found.ends[longest_first].tolist())}
    pairs = np.array(list(between), dtype=np.int64).reshape(-1, 2)
    kept = np.array(list(between.values()), dtype=np.int64)
    links = coo_array((lengths[kept], (pairs[:, 0], pairs[:, 1])), shape=(count, count)).tocsr()
    root = int(np.argmin(np.linalg.norm(found.nodes_mm - root_mm, axis=1)))
    reached, before = breadth_first_order(minimum_spanning_tree(links), root, directed=False)
    to_node = np.full(count, -1)
    for node in reached[1:].tolist():
        parent = int(before[node])
        to_node[node] = between[min(node, parent), max(node, parent)]
    outward = to_node[reached[1:]]
    parents = np.full(len(found.ends), -1)
    parents[outward] = to_node[before[reached[1:]]]
    orders = np.zeros(len(found.ends), dtype=np.int64)
    orders[outward] = strahler_orders(growth_of(parents, outward))[outward]
    return orders


def of_vertices(vertices_mm: FloatArray, links: IntArray, radii_mm: FloatArray) -> FoundTree:
    """The tree of a skeleton's vertices, float (N, ndim), and links, int (E, 2): vertices with more than two neighbours
    that touch are one node, at their centre; a branch has the median radius of its vertices."""
    count = len(vertices_mm)
    links = np.unique(np.sort(links, axis=1), axis=0)
    degree = np.bincount(links.ravel(), minlength=count)
    inner = degree == 2
    # Nodes: ends, and clumps of junction vertices.
    clump: NDArray[np.bool_] = degree[links].min(axis=1) > 2
    at_nodes = np.flatnonzero(~inner)
    node = np.unique(_parts(links[clump], count)[at_nodes], return_inverse=True)[1]
    nodes = _centres(vertices_mm[at_nodes], node)
    node_of = np.full(count, -1)
    node_of[at_nodes] = node
    neighbours: list[list[int]] = [[] for _ in range(count)]
    for (one, other), inside in zip(links.tolist(), clump):
        if not inside:
            neighbours[one].append(other)
            neighbours[other].append(one)
    ends, paths, radii = [], [], []
    walked: set[tuple[int, int]] = set()
    for first in at_nodes.tolist():
        for second in neighbours[first]:
            if (first, second) in walked:
                continue
            path = [first, second]
            while inner[path[-1]]:
                path += [other for other in neighbours[path[-1]] if other != path[-2]]
            walked |= {(path[0], path[1]), (path[-1], path[-2])}
            ends.append((node_of[path[0]], node_of[path[-1]]))
            own = [vertex for vertex in path if degree[vertex] < 3] or path
            radii.append(float(np.median(radii_mm[own])))
            paths.append(np.concatenate([nodes[[ends[-1][0]]], vertices_mm[path[1:-1]], nodes[[ends[-1][1]]]]))
    lengths = np.array([float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum()) for path in paths])
    return FoundTree(nodes, np.array(ends, dtype=np.int64).reshape(-1, 2), paths, lengths, np.array(radii))


def joined(found: FoundTree, reach_mm: float) -> FoundTree:
    """The tree whose junctions that are joined by a branch of a voxel or two are one."""
    degree = np.bincount(found.ends.ravel(), minlength=len(found.nodes_mm))
    same = (degree[found.ends] > 2).all(axis=1) & (found.lengths_mm <= reach_mm)
    number = _parts(found.ends[same], len(found.nodes_mm))
    kept = np.flatnonzero(~same)
    paths = [found.paths_mm[branch] for branch in kept]
    nodes = _centres(found.nodes_mm, number)
    return FoundTree(nodes, number[found.ends[kept]], paths, found.lengths_mm[kept], found.radii_mm[kept])


def _parts(links: IntArray, count: int) -> IntArray:
    """The connected part, from 0, that each of so many things is in, int (count,), by links, int (E, 2)."""
    matrix = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(count, count))
    found: IntArray = connected_components(matrix, directed=False)[1].astype(np.int64)
    return found


def _centres(points_mm: FloatArray, part: IntArray) -> FloatArray:
    """The centre of the points of each part, float (K, ndim)."""
    size = np.bincount(part)
    return np.stack([np.bincount(part, axis) / size for axis in points_mm.T], axis=1)
