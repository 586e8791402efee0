import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from ramify.metrics.junctions import Agreement, junction_agreement, match_points, opt_j
from ramify.vessels.branches import trace_branches
from ramify.vessels.curve_graph import CentrelineGraph, centreline_graph
from ramify.vessels.skeleton import skeletonize
from tests.metrics.drawn_masks import drawn, mask_pairs

# Three vessels meet in row 4, column 5; their ends are in rows 0 and 8.
Y = drawn("""
    .#.......#.
    ..#.....#..
    ...#...#...
    ....#.#....
    .....#.....
    .....#.....
    .....#.....
    .....#.....
    .....#.....
""")
STEM = drawn("""
    .....#.....
    .....#.....
    .....#.....
    .....#.....
    .....#.....
    .....#.....
    .....#.....
    .....#.....
    .....#.....
""")
V = Y & ~STEM
V[4, 5] = True


def graph_of(skeleton: np.ndarray, spacing_mm: tuple[float, ...] | None = None) -> CentrelineGraph:
    return centreline_graph(trace_branches(skeleton), spacing_mm or (1.0,) * skeleton.ndim)


def moved(skeleton: np.ndarray, *steps: int) -> np.ndarray:
    return np.roll(np.pad(skeleton, 6), steps, axis=tuple(range(len(steps))))


def test_a_junction_within_the_tolerance_is_the_same():
    here, there = graph_of(moved(Y, 0, 0)), graph_of(moved(Y, 0, 3))
    assert junction_agreement(there, here, 3.0) == Agreement(1.0, 1.0, 1.0)
    assert junction_agreement(there, here, 2.9) == Agreement(0.0, 0.0, 0.0)


def test_the_tolerance_is_in_mm_along_every_axis():
    spacing = (0.1, 4.0)
    here, along, across = (graph_of(moved(Y, *steps), spacing) for steps in ((0, 0), (3, 0), (0, 3)))
    # Three steps of 0.1 mm are 0.3 mm, however they round.
    assert junction_agreement(along, here, 0.3).f1 == 1.0
    assert junction_agreement(across, here, 11.9).f1 == 0.0


def test_one_junction_is_no_partner_for_two():
    one, two = graph_of(moved(Y, 0, 0)), graph_of(np.concatenate([moved(Y, 0, 0), moved(Y, 0, 0)]))
    assert junction_agreement(one, two, 100.0) == Agreement(1.0, 0.5, pytest.approx(2 / 3))
    assert junction_agreement(two, one, 100.0) == Agreement(0.5, 1.0, pytest.approx(2 / 3))


def test_graphs_without_junctions():
    line, junction = graph_of(STEM), graph_of(Y)
    assert junction_agreement(line, line, 1.0) == (1.0, 1.0, 1.0)
    assert junction_agreement(line, junction, 1.0) == (0.0, 0.0, 0.0)
    assert junction_agreement(junction, line, 1.0) == (0.0, 0.0, 0.0)


def test_opt_j_of_a_lost_branch_by_hand():
    # Control points of the Y: the junction (3) and three ends (1 each). The V has two of those ends, and a vessel that
    # passes (2) where the junction was; nothing is near the third end.
    agreement = opt_j(graph_of(V), graph_of(Y), 1.0)
    assert agreement == (pytest.approx(4 / 4), pytest.approx(4 / 6), pytest.approx(8 / 10))


def test_opt_j_of_an_invented_branch_by_hand():
    agreement = opt_j(graph_of(Y), graph_of(V), 1.0)
    assert agreement == (pytest.approx(4 / 6), pytest.approx(4 / 4), pytest.approx(8 / 10))


def test_opt_j_of_a_cut_vessel_by_hand():
    # Both ends at the cut (1 each) lie beside the whole vessel (2): each adds 1 that is shared and 2 that are true.
    cut = STEM.copy()
    cut[4] = False
    agreement = opt_j(graph_of(cut), graph_of(STEM), 1.5)
    assert agreement == (pytest.approx(4 / 4), pytest.approx(4 / 6), pytest.approx(8 / 10))


def test_opt_j_without_anything_near():
    far = np.pad(Y, ((0, 0), (40, 0)))
    here = np.pad(Y, ((0, 0), (0, 40)))
    assert opt_j(graph_of(far), graph_of(here), 3.0) == (0.0, 0.0, 0.0)


def test_opt_j_of_graphs_without_control_points():
    empty, ring = graph_of(np.zeros((5, 5), dtype=bool)), np.ones((3, 3), dtype=bool)
    ring[[0, 0, 1, 2, 2], [0, 2, 1, 0, 2]] = False
    loop = graph_of(np.pad(ring, 2))
    assert opt_j(empty, empty, 1.0) == opt_j(loop, loop, 1.0) == (1.0, 1.0, 1.0)
    assert opt_j(empty, graph_of(Y), 1.0) == opt_j(graph_of(Y), empty, 1.0) == (0.0, 0.0, 0.0)


def test_as_many_pairs_as_can_be_though_the_nearest_would_be_fewer():
    # b is nearest to both; only b is within reach of the first.
    first, second = np.array([[0.0], [2.0]]), np.array([[1.2], [3.9]])
    pairs = match_points(first, second, 2.0)
    assert sorted(zip(*map(np.ndarray.tolist, pairs))) == [(0, 0), (1, 1)]


def test_of_equally_many_pairs_the_closest():
    first, second = np.array([[0.0], [1.0]]), np.array([[0.1], [1.1]])
    pairs = match_points(first, second, 5.0)
    assert sorted(zip(*map(np.ndarray.tolist, pairs))) == [(0, 0), (1, 1)]


def test_weights_decide_before_distances():
    first, second = np.array([[0.0], [1.0]]), np.array([[0.0]])
    pairs = match_points(first, second, 2.0, np.array([1, 3]), np.array([3]))
    assert [index.tolist() for index in pairs] == [[1], [0]]


@settings(deadline=None)
@given(st.integers(0, 2**16), st.integers(0, 5), st.integers(0, 5), st.sampled_from([0.0, 0.3, 0.6, 2.0]))
def test_no_other_matching_is_worth_more(seed: int, n: int, m: int, tolerance: float):
    generator = np.random.default_rng(seed)
    first, second = generator.integers(0, 4, (n, 2)) / 4, generator.integers(0, 4, (m, 2)) / 4
    weights = generator.integers(1, 4, n), generator.integers(1, 4, m)
    rows, columns = match_points(first, second, tolerance, *weights)
    assert len(set(rows.tolist())) == len(rows) == len(set(columns.tolist()))
    distance = cdist(first, second) if n and m else np.zeros((n, m))
    assert np.all(distance[rows, columns] <= tolerance + 1e-6)
    best = (0, 0.0)
    for size in range(min(n, m) + 1):
        for ours in itertools.combinations(range(n), size):
            for theirs in itertools.permutations(range(m), size):
                if all(distance[i, j] <= tolerance + 1e-6 for i, j in zip(ours, theirs)):
                    worth = sum(min(weights[0][i], weights[1][j]) for i, j in zip(ours, theirs))
                    best = max(best, (worth, -sum(distance[i, j] for i, j in zip(ours, theirs))))
    assert np.minimum(weights[0][rows], weights[1][columns]).sum() == best[0]
    assert distance[rows, columns].sum() == pytest.approx(-best[1], abs=1e-6)


@settings(deadline=None)
@given(mask_pairs(), st.sampled_from([0.0, 1.0, 2.5]))
def test_properties_on_random_masks(pair: tuple[np.ndarray, np.ndarray], tolerance: float):
    skeletons = [skeletonize(mask) for mask in pair]
    spacing = (0.5, 2.0, 1.5)[: pair[0].ndim]
    first, second = (graph_of(skeleton, spacing) for skeleton in skeletons)
    for measure in (junction_agreement, opt_j):
        there, back = measure(first, second, tolerance), measure(second, first, tolerance)
        assert (there.precision, there.recall) == (back.recall, back.precision)
        assert measure(first, first, tolerance) == (1.0, 1.0, 1.0)
        doubled = [graph_of(skeleton, tuple(2 * side for side in spacing)) for skeleton in skeletons]
        assert measure(doubled[0], doubled[1], 2 * tolerance) == there
        for axis in range(pair[0].ndim):
            flipped = [graph_of(np.flip(skeleton, axis), spacing) for skeleton in skeletons]
            assert measure(flipped[0], flipped[1], tolerance).f1 == pytest.approx(there.f1)
