from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ramify.vessels.branches import trace_branches
from ramify.vessels.components import label_components
from ramify.vessels.curve_graph import CentrelineGraph, centreline_graph
from ramify.vessels.skeleton import skeletonize


def drawn(*rows: str) -> np.ndarray:
    return np.array([[mark == "#" for mark in row] for row in rows])


def graph_of(skeleton: np.ndarray, spacing_mm: tuple[float, ...] | None = None) -> CentrelineGraph:
    return centreline_graph(trace_branches(skeleton), spacing_mm or (1.0,) * skeleton.ndim)


STAR = drawn(
    "#.....#",
    ".#...#.",
    "..#.#..",
    "...#...",
    "...#...",
    "...#...",
)


def ring(radius: float, size: int) -> np.ndarray:
    y, x = np.indices((size, size)) - (size - 1) / 2
    return skeletonize(np.abs(np.hypot(y, x) - radius) < 1.5)


def shapes(graph: CentrelineGraph) -> list[tuple[float, ...]]:
    """Nodes with their degrees, in an order that does not hang on numbering."""
    return sorted((*np.round(node, 9).tolist(), degree) for node, degree in zip(graph.nodes_mm, graph.degrees.tolist()))


def test_star_has_three_straight_arms_at_one_junction():
    graph = graph_of(STAR)
    assert graph.n_curves == 3
    assert graph.length_mm == pytest.approx(2 * 3 * np.sqrt(2) + 2)
    assert graph.bifurcations_mm.tolist() == [[3, 3]]
    assert sorted(graph.endpoints_mm.tolist()) == [[0, 0], [0, 6], [5, 3]]


def test_spacing_counts_axis_by_axis():
    graph = graph_of(STAR, (0.5, 3.0))
    assert graph.length_mm == pytest.approx(2 * 3 * np.hypot(0.5, 3.0) + 2 * 0.5)
    assert graph.bifurcations_mm.tolist() == [[1.5, 9.0]]


def test_star_stands_in_a_volume():
    volume = np.zeros((3, *STAR.shape), dtype=bool)
    volume[1] = STAR
    graph = graph_of(volume, (5.0, 1.0, 2.0))
    assert graph.length_mm == pytest.approx(2 * 3 * np.hypot(1.0, 2.0) + 2 * 1.0)
    assert graph.bifurcations_mm.tolist() == [[5.0, 3.0, 6.0]]


def test_junction_of_many_voxels_is_one_node_at_its_centroid():
    graph = graph_of(drawn("..#..", "..#..", "#####", "..#..", "..#.."))
    assert graph.degrees.tolist() == [4, 1, 1, 1, 1]
    assert graph.nodes_mm[0].tolist() == [2, 2]
    assert graph.length_mm == 8


def test_corner_of_three_touching_voxels_is_no_junction():
    corner = drawn("####", "...#", "...#")
    graph = graph_of(corner)
    assert len(graph.bifurcations_mm) == 0
    assert sorted(graph.endpoints_mm.tolist()) == [[0, 0], [2, 3]]


def test_clump_at_the_end_of_a_vessel_is_its_end_point():
    graph = graph_of(drawn("......##", "########"))
    assert sorted(graph.degrees.tolist()) == [1, 1]


def test_bump_on_a_junction_is_no_branch():
    # The voxel on top touches two voxels of the junction and nothing else.
    bumped = drawn(
        "...#...",
        "..##...",
        "##..###",
        "...#...",
        "...#...",
    )
    graph = graph_of(bumped)
    assert graph.n_curves == 3
    assert len(graph.bifurcations_mm) == 1
    assert len(graph.endpoints_mm) == 3


def test_ring_has_its_circumference_and_no_nodes():
    graph = graph_of(ring(20.0, 51))
    assert graph.n_curves == 1
    assert graph.ends.tolist() == [[-1, -1]]
    assert len(graph.nodes_mm) == 0
    np.testing.assert_array_equal(graph.points_mm[0], graph.points_mm[-1])
    assert graph.length_mm == pytest.approx(2 * np.pi * 20.0, rel=0.02)


def test_ring_with_a_tail_is_a_loop_at_a_junction():
    mask = ring(10.0, 31)
    mask[15, 25:] = True
    graph = graph_of(skeletonize(mask))
    assert sorted(graph.degrees.tolist()) == [1, 3]


@pytest.mark.parametrize("direction", [(1, 0, 0), (1, 1, 0), (3, 1, 0), (2, 1, 1), (5, 3, 2)])
def test_oblique_line_is_hardly_longer_than_it_is(direction: tuple[int, ...]):
    along = np.array(direction) / np.linalg.norm(direction)
    start = np.array([3.0, 3.0, 3.0])
    line = np.zeros((60, 60, 60), dtype=bool)
    line[tuple(np.round(start + np.arange(0, 45, 0.05)[:, None] * along).astype(int).T)] = True
    graph = graph_of(skeletonize(line))
    first, last = graph.endpoints_mm
    assert graph.length_mm == pytest.approx(np.linalg.norm(last - first), rel=0.02)


def test_isolated_voxel_and_two_voxels():
    graph = graph_of(drawn("#....", "...##"), (1.0, 3.0))
    assert sorted(graph.degrees.tolist()) == [0, 1, 1]
    assert graph.length_mm == 3.0


def test_empty_skeleton():
    graph = graph_of(np.zeros((3, 4, 5), dtype=bool))
    assert (graph.n_curves, graph.length_mm) == (0, 0.0)
    assert graph.bifurcations_mm.shape == graph.endpoints_mm.shape == (0, 3)


masks = st.one_of(arrays(bool, (9, 11)), arrays(bool, (5, 6, 7)))


@settings(deadline=None)
@given(masks)
def test_flips_move_nodes_and_keep_lengths(mask: np.ndarray):
    skeleton = skeletonize(mask)
    spacing = (0.5, 2.0, 1.5)[: mask.ndim]
    graph = graph_of(skeleton, spacing)
    for axis in range(mask.ndim):
        flipped = graph_of(np.flip(skeleton, axis), spacing)
        assert flipped.length_mm == pytest.approx(graph.length_mm)
        back = flipped.nodes_mm.copy()
        back[:, axis] = (mask.shape[axis] - 1) * spacing[axis] - back[:, axis]
        again = replace(flipped, nodes_mm=back + 0.0)
        assert shapes(again) == shapes(graph)


@settings(deadline=None)
@given(masks)
def test_doubling_the_spacing_doubles_every_length(mask: np.ndarray):
    skeleton = skeletonize(mask)
    spacing = (0.7, 1.3, 2.1)[: mask.ndim]
    once, twice = graph_of(skeleton, spacing), graph_of(skeleton, tuple(2 * side for side in spacing))
    np.testing.assert_array_equal(2 * once.points_mm, twice.points_mm)
    assert twice.length_mm == 2 * once.length_mm


@settings(deadline=None)
@given(masks)
def test_shares_add_up_and_nodes_are_where_curves_end(mask: np.ndarray):
    graph = graph_of(skeletonize(mask))
    assert graph.shares_mm.sum() == pytest.approx(graph.length_mm)
    for curve in range(graph.n_curves):
        for node, position in zip(graph.ends[curve], (graph.starts[curve], graph.starts[curve + 1] - 1)):
            if node >= 0:
                np.testing.assert_array_equal(graph.nodes_mm[node], graph.points_mm[position])


@pytest.mark.parametrize("seed", range(100))
def test_every_component_has_a_point(seed: int):
    # Dense noise thins to closed surfaces too: junctions with nothing beside them but bumps.
    skeleton = skeletonize(np.random.default_rng(seed).random((6, 5, 6)) < 0.7)
    components, n_components = label_components(skeleton)
    spacing = (0.5, 2.0, 1.5)
    graph = graph_of(skeleton, spacing)
    assert set(components[tuple(graph.voxels.T)].tolist()) == set(range(1, n_components + 1))
    moved = graph_of(np.pad(skeleton, [(2, 1)] * 3), spacing)
    np.testing.assert_allclose(moved.points_mm - 2 * np.array(spacing), graph.points_mm, atol=1e-12)


@settings(deadline=None)
@given(masks)
def test_degrees_are_those_of_a_plain_graph_of_voxels(mask: np.ndarray):
    networkx = pytest.importorskip("networkx")
    voxels = [tuple(voxel) for voxel in np.argwhere(skeletonize(mask)).tolist()]
    plain = networkx.Graph()
    plain.add_nodes_from(voxels)
    near = [(a, b) for a in voxels for b in voxels if a < b and max(abs(p - q) for p, q in zip(a, b)) == 1]
    plain.add_edges_from(near)
    joining = {voxel for voxel in voxels if plain.degree(voxel) > 2}
    cluster_of = {}
    for number, members in enumerate(networkx.connected_components(plain.subgraph(joining))):
        cluster_of.update(dict.fromkeys(members, number))
    degrees: Counter[object] = Counter()
    for path in networkx.connected_components(plain.subgraph(set(voxels) - joining)):
        contacts = [cluster_of[other] for voxel in path for other in plain[voxel] if other in joining]
        if len(path) == 1 and len(contacts) == 2 and len(set(contacts)) == 1:
            continue
        degrees.update(contacts)
        loop = len(path) > 1 and not contacts and all(plain.degree(voxel) == 2 for voxel in path)
        lone = len(path) == 1 and not contacts
        degrees.update({(min(path), end): 1 for end in range(0 if loop or lone else 2 - len(contacts))})
    graph = graph_of(skeletonize(mask))
    assert sorted(graph.degrees[graph.degrees > 0].tolist()) == sorted(degrees.values())
