import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import label

from ramify.vessels.branches import (
    CLOSED,
    FREE,
    branch_medians,
    cluster_centres,
    path_lengths,
    trace_branches,
    without_float_noise,
)
from ramify.vessels.skeleton import skeletonize


def drawn(*rows: str) -> np.ndarray:
    return np.array([[mark == "#" for mark in row] for row in rows])


STAR = drawn(
    "#.....#",
    ".#...#.",
    "..#.#..",
    "...#...",
    "...#...",
    "...#...",
)
RING = drawn(
    ".##.",
    "#..#",
    "#..#",
    ".##.",
)
PLUS = drawn(
    "..#..",
    "..#..",
    "#####",
    "..#..",
    "..#..",
)


def test_star_has_three_branches_at_one_junction():
    graph = trace_branches(STAR)
    assert graph.n_branches == 3
    assert graph.cluster.max() == 0
    assert sorted(np.diff(graph.starts)) == [2, 3, 3]
    assert sorted(map(sorted, graph.ends.tolist())) == [[FREE, 0]] * 3


def test_touching_junction_voxels_are_one_cluster():
    # In a plus, the centre and its four neighbours all have more than two neighbours.
    graph = trace_branches(PLUS)
    assert np.count_nonzero(graph.cluster == 0) == 5
    assert graph.n_branches == 4
    assert graph.voxels[cluster_centres(graph)[0]].tolist() == [2, 2]
    assert np.diff(graph.starts).tolist() == [1, 1, 1, 1]


def test_ring_is_one_closed_branch():
    graph = trace_branches(RING)
    assert graph.n_branches == 1
    assert graph.ends.tolist() == [[CLOSED, CLOSED]]
    assert path_lengths(graph, (1.0, 1.0)) == pytest.approx([4 + 4 * np.sqrt(2)])


def test_lone_voxel_is_a_branch():
    graph = trace_branches(drawn("...", ".#.", "..."))
    assert graph.n_branches == 1
    assert graph.owner.tolist() == [0]
    assert path_lengths(graph, (1.0, 1.0)).tolist() == [0.0]


def test_junction_voxels_alone_are_a_branch():
    graph = trace_branches(np.pad(np.ones((2, 2, 2), dtype=bool), 1))
    assert graph.n_branches == 1
    assert graph.owner.tolist() == [0] * 8
    assert len(graph.order) == 1


def test_line_runs_from_end_to_end_in_millimetres():
    graph = trace_branches(np.eye(5, dtype=bool))
    assert graph.voxels[graph.order].tolist() == [[i, i] for i in range(5)]
    assert path_lengths(graph, (3.0, 4.0)) == pytest.approx([20.0])


def test_length_reaches_into_the_junction():
    graph = trace_branches(STAR)
    straight = int(np.flatnonzero(np.diff(graph.starts) == 2)[0])
    assert path_lengths(graph, (1.0, 1.0))[straight] == pytest.approx(2.0)


def test_edges_of_the_array_do_not_wrap_around():
    mask = np.zeros((4, 4), dtype=bool)
    mask[1, 3] = mask[2, 0] = True
    assert trace_branches(mask).n_branches == 2


@pytest.mark.parametrize("shape", [(5, 5), (4, 4, 4)])
def test_empty_skeleton_has_no_branches(shape):
    graph = trace_branches(np.zeros(shape, dtype=bool))
    assert graph.n_branches == 0
    assert path_lengths(graph, (1.0,) * len(shape)).shape == (0,)


def test_equal_lengths_are_equal_numbers():
    spacing = (0.7, 0.7, 0.7)
    summed = np.array([np.sqrt(9 * 0.7**2), np.sqrt(2 * (2 * 0.7) ** 2 + 0.7**2)])
    rounded = without_float_noise(summed, spacing)
    assert rounded[0] == rounded[1]
    assert rounded == pytest.approx(summed, abs=1e-6)
    assert np.array_equal(without_float_noise(2 * summed, (1.4, 1.4, 1.4)), 2 * rounded)


masks = st.sampled_from([(9, 9), (6, 6, 6)]).flatmap(lambda shape: arrays(bool, shape))


@settings(max_examples=60, deadline=None)
@given(masks, st.booleans())
def test_every_voxel_is_in_one_branch_or_one_junction(mask, thinned):
    skeleton = skeletonize(mask) if thinned else mask
    graph = trace_branches(skeleton)
    assert np.array_equal(graph.voxels, np.argwhere(skeleton))
    joining = np.isin(graph.cluster, graph.ends[graph.ends >= 0])
    assert np.array_equal(graph.owner < 0, joining & (graph.cluster >= 0))
    assert len(np.unique(graph.order)) == len(graph.order)
    branch = graph.branch_of_position()
    assert np.array_equal(graph.owner[graph.order], branch)
    steps = np.abs(np.diff(graph.voxels[graph.order], axis=0)).max(axis=1, initial=0)
    assert np.all(steps[np.diff(branch) == 0] == 1)


@settings(max_examples=40, deadline=None)
@given(masks)
def test_branches_and_junctions_make_up_the_components(mask):
    graph = trace_branches(mask)
    nodes = list(range(graph.n_branches))
    parent = {("branch", node): ("branch", node) for node in nodes}

    def root(node):
        parent.setdefault(node, node)
        while parent[node] != node:
            node = parent[node]
        return node

    for node, ends in enumerate(graph.ends.tolist()):
        for end in ends:
            if end >= 0:
                parent[root(("branch", node))] = root(("cluster", end))
    count = len({root(("branch", node)) for node in nodes})
    assert count == label(mask, np.ones((3,) * mask.ndim))[1]


def test_branch_median_is_equation_2():
    values = np.array([5.0, 1.0, 9.0, 2.0, 4.0, 100.0])
    assert branch_medians(values, np.array([0, 0, 0, 1, 1, -1]), 2).tolist() == [5.0, 3.0]
