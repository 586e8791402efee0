import numpy as np
import pytest

from ramify.vessels.branches import trace_branches
from ramify.vessels.curve_graph import CentrelineGraph, centreline_graph
from ramify.vessels.curve_parts import part_inside

SPACING = (1.0, 1.0)


def tee() -> CentrelineGraph:
    """A bar along row 2 from column 1 to 19, and a stem from its middle down to row 12."""
    skeleton = np.zeros((15, 21), dtype=bool)
    skeleton[2, 1:20] = True
    skeleton[3:13, 10] = True
    return centreline_graph(trace_branches(skeleton), SPACING)


def ring() -> CentrelineGraph:
    skeleton = np.zeros((9, 9), dtype=bool)
    skeleton[1, 2:7] = skeleton[7, 2:7] = skeleton[2:7, 1] = skeleton[2:7, 7] = True
    return centreline_graph(trace_branches(skeleton), SPACING)


def test_all_of_it_is_the_graph():
    for graph in (tee(), ring()):
        part, kept = part_inside(graph, np.ones(len(graph.points_mm), dtype=bool))
        assert kept.tolist() == list(range(len(graph.points_mm)))
        assert np.array_equal(part.ends, graph.ends)
        assert np.array_equal(part.degrees, graph.degrees)
        assert np.array_equal(part.nodes_mm, graph.nodes_mm)
        assert part.length_mm == graph.length_mm


def test_nothing_of_it_is_an_empty_graph():
    part, kept = part_inside(tee(), np.zeros(len(tee().points_mm), dtype=bool))
    assert (part.n_curves, len(part.nodes_mm), len(kept), part.length_mm) == (0, 0, 0, 0.0)
    nothing = centreline_graph(trace_branches(np.zeros((3, 3), dtype=bool)), SPACING)
    assert part_inside(nothing, np.zeros(0, dtype=bool))[0].n_curves == 0


def test_a_junction_stays_one_when_a_branch_of_it_leaves_at_once():
    graph = tee()
    part, _ = part_inside(graph, graph.voxels[:, 0] <= 2)
    assert len(part.bifurcations_mm) == 1
    assert len(part.endpoints_mm) == 2
    assert part.length_mm == pytest.approx(18.0, abs=0.5)


def test_a_branch_cut_in_its_middle_has_no_end_there():
    graph = tee()
    part, _ = part_inside(graph, graph.voxels[:, 0] < 8)
    assert sorted(part.degrees.tolist()) == [1, 1, 2, 3]
    assert part.nodes_mm[part.degrees == 2].tolist() == [[7.0, 10.0]]


def test_a_curve_that_comes_back_is_two():
    graph = tee()
    part, kept = part_inside(graph, (graph.voxels[:, 1] < 4) | (graph.voxels[:, 1] > 16))
    assert part.n_curves == 2
    assert len(part.endpoints_mm) == 2
    assert np.array_equal(part.points_mm, graph.points_mm[kept])
    assert part.length_mm == pytest.approx(2.0 + 2.0)


def test_a_loop_that_is_cut_is_open_and_has_no_ends():
    graph = ring()
    part, _ = part_inside(graph, graph.voxels[:, 0] < 5)
    assert part.n_curves >= 1
    assert set(part.degrees.tolist()) == {2}
    assert len(part.endpoints_mm) == 0


def test_a_single_point_that_is_left_is_one_node():
    graph = tee()
    part, _ = part_inside(graph, (graph.voxels == [8, 10]).all(axis=1))
    assert part.ends.tolist() == [[0, 0]]
    assert part.degrees.tolist() == [2]
    assert part.length_mm == 0.0


def test_the_end_of_a_vessel_that_is_left_alone_is_an_end():
    graph = tee()
    part, _ = part_inside(graph, (graph.voxels == [2, 1]).all(axis=1))
    assert part.degrees.tolist() == [1, 2]
    assert part.endpoints_mm.tolist() == [[2.0, 1.0]]


@pytest.mark.parametrize("seed", range(20))
def test_every_curve_has_its_nodes_and_no_node_is_without_a_curve(seed: int):
    random = np.random.default_rng(seed)
    mask = random.random((12, 14)) < 0.4
    graph = centreline_graph(trace_branches(mask), SPACING)
    inside = random.random((12, 14)) < 0.7
    part, kept = part_inside(graph, inside[tuple(graph.voxels.T)])
    assert np.array_equal(np.sort(kept), kept)
    assert part.starts[-1] == len(kept) == len(part.points_mm)
    used = np.unique(part.ends[part.ends >= 0])
    assert used.tolist() == list(range(len(part.nodes_mm)))
    assert ((part.ends[:, 0] < 0) == (part.ends[:, 1] < 0)).all()
    for side, at in ((0, part.starts[:-1]), (1, part.starts[1:] - 1)):
        joined = part.ends[:, side] >= 0
        assert np.allclose(part.nodes_mm[part.ends[joined, side]], part.points_mm[at[joined]])
