import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import label
from skimage.measure import euler_number

from ramify.vessels.branches import CLOSED, FREE, trace_branches
from ramify.vessels.skeleton import skeletonize
from ramify.vessels.spurs import prune_spurs


def line_with_spur(spur: int) -> np.ndarray:
    skeleton = np.zeros((12, 21), dtype=bool)
    skeleton[10, :] = True
    skeleton[10 - spur : 10, 10] = True
    return skeleton


def pruned(skeleton: np.ndarray, depth: float):
    graph = trace_branches(skeleton)
    return prune_spurs(graph, np.full(len(graph.voxels), depth), (1.0,) * skeleton.ndim)


def test_spur_within_the_radius_goes_and_its_line_is_whole_again():
    # The spur's tip is 4 from the middle of the junction.
    graph = pruned(line_with_spur(4), depth=4.5)
    assert graph.n_branches == 1
    assert graph.ends.tolist() == [[FREE, FREE]]
    assert graph.cluster.max() == -1
    path = graph.voxels[graph.order]
    assert path[[0, -1], 1].tolist() in ([0, 20], [20, 0])
    assert np.abs(np.diff(path, axis=0)).max() <= 2


def test_spur_beyond_the_radius_stays():
    graph = pruned(line_with_spur(4), depth=3.5)
    assert graph.n_branches == 3
    assert graph.cluster.max() == 0


def test_two_longest_branches_stay_where_all_are_short():
    skeleton = np.zeros((12, 12), dtype=bool)
    skeleton[5, 1:6] = True
    skeleton[5, 6:9] = True
    skeleton[3:5, 5] = True
    graph = pruned(skeleton, depth=50.0)
    assert graph.n_branches == 1
    assert graph.voxels[graph.order][:, 1].min() == 1
    assert graph.voxels[graph.order][:, 1].max() == 8


def test_loop_on_a_stalk_closes_once_the_stalk_is_gone():
    skeleton = np.zeros((12, 12), dtype=bool)
    skeleton[2:9, 2:9] = True
    skeleton[3:8, 3:8] = False
    skeleton[5, 9:11] = True
    graph = pruned(skeleton, depth=4.0)
    assert graph.n_branches == 1
    assert graph.ends.tolist() == [[CLOSED, CLOSED]]


def test_branches_between_junctions_stay_however_short():
    skeleton = np.zeros((15, 22), dtype=bool)
    skeleton[7, :] = True
    skeleton[:7, 9] = True
    skeleton[8:, 14] = True
    assert pruned(skeleton, depth=3.0).n_branches == 5


def test_empty_graph_stays_empty():
    assert pruned(np.zeros((4, 4), dtype=bool), depth=1.0).n_branches == 0


masks = st.sampled_from([(12, 12), (7, 7, 7)]).flatmap(lambda shape: arrays(bool, shape))


@settings(max_examples=80, deadline=None)
@given(masks, st.floats(0.5, 6.0))
def test_pruning_keeps_components_and_holes(mask, depth):
    skeleton = skeletonize(mask)
    graph = pruned(skeleton, depth)
    left = np.zeros_like(skeleton)
    left[tuple(graph.voxels.T)] = True
    full = np.ones((3,) * mask.ndim)
    assert label(left, full)[1] == label(skeleton, full)[1]
    assert euler_number(left, connectivity=mask.ndim) == euler_number(skeleton, connectivity=mask.ndim)
    assert np.array_equal(graph.voxels, np.argwhere(left))
    assert np.array_equal(graph.owner[graph.order], graph.branch_of_position())
    assert np.array_equal(graph.owner < 0, graph.cluster >= 0)


@pytest.mark.parametrize("seed", range(3))
def test_pruning_twice_changes_nothing(seed):
    skeleton = skeletonize(np.random.default_rng(seed).random((14, 14, 14)) < 0.2)
    once = pruned(skeleton, 2.0)
    twice = prune_spurs(once, np.full(len(once.voxels), 2.0), (1.0, 1.0, 1.0))
    assert twice.n_branches == once.n_branches
    assert np.array_equal(twice.voxels, once.voxels)
