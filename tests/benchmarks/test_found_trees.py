"""A common form of found trees, and their scores."""

import numpy as np
import pytest

from benchmarks.found_trees import FoundTree, joined, of_vertices, orders_from, rightness
from benchmarks.tree_peers import METHODS
from ramify.phantoms import VesselGraph
from tests.analysis.drawn_trees import FORKS, FORKS_MM, FORKS_RADII_MM, forks

UNIT = (1.0, 1.0, 1.0)


def graph_of_forks() -> VesselGraph:
    edges = np.array(FORKS, dtype=np.int32)
    none = np.zeros(len(edges), dtype=np.int32)
    # Graphs count from the outer corner of the first voxel.
    return VesselGraph(np.array(FORKS_MM, dtype=float) + 0.5, edges, np.array(FORKS_RADII_MM), none, ("tree",))


def as_drawn(graph: VesselGraph) -> FoundTree:
    paths = [np.linspace(graph.nodes_mm[ends[0]], graph.nodes_mm[ends[1]], 30) for ends in graph.edges]
    edges = graph.edges.astype(np.int64)
    return FoundTree(graph.nodes_mm, edges, paths, graph.lengths_mm(), graph.radii_mm)


def test_the_drawn_tree_itself_is_right():
    graph = graph_of_forks()
    scores = rightness(as_drawn(graph), graph, 2.0, 1.0)
    assert scores == pytest.approx((1, 1, 1, 1, 1, 0, 1))


def test_what_is_wrong_is_scored():
    graph = graph_of_forks()
    found = as_drawn(graph)
    moved = rightness(found._replace(nodes_mm=found.nodes_mm + np.array([0, 3, 0])), graph, 2.0, 1.0)
    assert moved.junction_recall == moved.junction_precision == 0
    thick = rightness(found._replace(radii_mm=1.1 * found.radii_mm, lengths_mm=2 * found.lengths_mm), graph, 2.0, 1.0)
    assert (thick.radius_bias, thick.length_ratio) == (pytest.approx(0.1), pytest.approx(2))
    far = rightness(found._replace(paths_mm=[path + 50 for path in found.paths_mm]), graph, 2.0, 1.0)
    assert far.vessels_found == far.right_strahler_order == 0
    assert np.isnan(far.radius_bias)


# Lee's thinning alone eats one of its vessels from end to end, so that there is a fork less.
@pytest.mark.parametrize(("method", "share", "in_order"), [("ramify", 1.0, 1.0), ("thinning", 0.8, 0.57)])
def test_programs_find_a_plain_tree(method, share, in_order):
    graph = graph_of_forks()
    scores = rightness(METHODS[method](forks(), UNIT, tuple(graph.nodes_mm[0])), graph, 4.0, 1.0)
    assert scores.vessels_found == share
    assert scores.junction_precision == 1
    assert scores.length_ratio == pytest.approx(share, abs=0.15)
    assert scores.right_strahler_order == pytest.approx(in_order, abs=0.01)


def test_vertices_become_branches_and_a_clump_of_them_one_junction():
    # A T whose junction is a triangle of vertices.
    points = [[0, 0], [0, 1], [0, 2], [0, 3], [0, 4], [1, 2], [2, 2]]
    links = [[0, 1], [1, 2], [2, 3], [3, 4], [1, 5], [2, 5], [3, 5], [5, 6]]
    found = of_vertices(np.array(points, dtype=float), np.array(links), np.arange(7.0))
    assert np.bincount(found.ends.ravel()).tolist() == [1, 3, 1, 1]
    assert found.nodes_mm[1].tolist() == [0.25, 2]
    assert found.radii_mm.tolist() == [0, 4, 6]


def test_junctions_a_voxel_apart_are_joined():
    nodes = np.array([[0, 0], [0, 10], [0, 11], [9, 10], [-9, 11], [0, 20]], dtype=float)
    ends = np.array([[0, 1], [1, 2], [1, 3], [2, 4], [2, 5]])
    paths = [nodes[pair] for pair in ends]
    lengths = np.array([10.0, 1.0, 9.0, 9.0, 9.0])
    found = joined(FoundTree(nodes, ends, paths, lengths, np.ones(5)), 2.0)
    assert np.bincount(found.ends.ravel()).tolist() == [1, 4, 1, 1, 1]
    assert found.nodes_mm[1].tolist() == [0, 10.5]


def test_orders_are_those_of_the_tree_from_its_root():
    graph = graph_of_forks()
    found = as_drawn(graph)
    assert orders_from(found, graph.nodes_mm[0]).tolist() == [2, 1, 2, 1, 1]
